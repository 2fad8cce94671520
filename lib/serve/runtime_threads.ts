import { SystemError } from "../system/libc.ts";
import { startAgain } from "./start_again.ts";

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
    startAgain(inherited, RUNTIME_SETTINGS);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}
