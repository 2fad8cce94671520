import { byteStringOf, decodeBytes } from "../bytes.ts";
import { execWith } from "../system/exec.ts";
import { readFile, SystemError } from "../system/libc.ts";

/**
 * Settings of the runtime for a process that lives long: it starts its threads at once or never.
 *
 * By itself it starts some when there is much to compile or to collect, ends them when they have
 * nothing to do, and aborts when the kernel gives it no other: a user whose checks have used up
 * RLIMIT_NPROC would lose the agent too.
 */
export const STEADY: Readonly<Record<string, string>> = {
  BUN_JSC_useConcurrentJIT: "0",
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_numberOfGCMarkers: "1",
};

/**
 * Starts this program over in the same process if its runtime has been started without
 * {@link STEADY}, since it can't be told later. Where that is not possible the program goes on.
 *
 * @param inherited Descriptors that have been passed to it beyond the first three.
 */
export function steadyRuntime(inherited: readonly number[]): void {
  const settings = Object.entries(STEADY);
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

/** What the kernel keeps of the program's start, byte for byte. */
function stringsIn(path: string): readonly string[] {
  return decodeBytes(readFile(path)).split("\0").slice(0, -1);
}
