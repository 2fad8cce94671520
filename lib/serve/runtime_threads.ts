import { byteStringOf, decodeBytes } from "../bytes.ts";
import { execWith } from "../system/exec.ts";
import { readFile, SystemError } from "../system/libc.ts";

/**
 * Settings of the runtime for a daemon: it starts its threads at once or never.
 *
 * By itself it starts some when there is much to compile, to collect or to allocate, ends them when
 * they have nothing to do, and aborts where the kernel refuses a new one: a user at RLIMIT_NPROC would
 * lose the agent too.
 */
export const RUNTIME_SETTINGS: Readonly<Record<string, string>> = {
  BUN_JSC_useConcurrentJIT: "0",
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_numberOfGCMarkers: "1",
  BUN_JSC_useWarmUpMarkedBlocks: "0",
};

/**
 * Executes this program again in the same process, unless its runtime has been started with
 * {@link RUNTIME_SETTINGS}, which it reads at its start only. Where that fails the program goes on.
 *
 * @param inherited Descriptors beyond the first three that stay open.
 */
export function fixRuntimeThreads(inherited: readonly number[]): void {
  const settings = Object.entries(RUNTIME_SETTINGS);
  if (settings.every(([name, value]) => process.env[name] === value)) return;
  try {
    const others = stringsIn("/proc/self/environ").filter((variable) =>
      !settings.some(([name]) => variable.startsWith(`${name}=`))
    );
    const environment = [...others, ...settings.map(([name, value]) => `${name}=${value}`)];
    const file = byteStringOf(process.execPath);
    execWith({ file, argv: stringsIn("/proc/self/cmdline"), environment }, inherited);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/** The strings of a file of proc(5), each of which ends with a NUL byte. */
function stringsIn(path: string): readonly string[] {
  return decodeBytes(readFile(path)).split("\0").slice(0, -1);
}
