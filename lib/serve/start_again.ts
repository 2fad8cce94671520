import { byteStringOf, decodeBytes } from "../bytes.ts";
import { inheritedVariables, steersRuntime } from "../command/environment.ts";
import { execWith } from "../system/exec.ts";
import { readFile } from "../system/libc.ts";

/**
 * Executes this program again in the same process, with the same arguments and the same environment,
 * without what steers the runtime there.
 *
 * @param inherited Descriptors beyond the first three that stay open.
 * @param settings Variables that replace those of the environment.
 * @throws {SystemError} where that fails.
 */
export function startAgain(
  inherited: readonly number[],
  settings: Readonly<Record<string, string>> = {},
): never {
  const others = inheritedVariables().filter((variable) =>
    !steersRuntime(variable) &&
    !Object.keys(settings).some((name) => variable.startsWith(`${name}=`))
  );
  const given = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const file = byteStringOf(process.execPath);
  const argv = decodeBytes(readFile("/proc/self/cmdline")).split("\0").slice(0, -1);
  execWith({ file, argv, environment: [...others, ...given] }, inherited);
}
