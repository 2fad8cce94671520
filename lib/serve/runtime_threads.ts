import { byteStringOf, decodeBytes } from "../bytes.ts";
import {
  bindLibc,
  cString,
  lastErrno,
  readFile,
  stringArray,
  SystemError,
} from "../system/libc.ts";

/**
 * Settings of the runtime for a daemon: it starts its threads at once or never.
 *
 * By itself it starts some when there is much to compile, to collect or to allocate, ends them when they have
 * nothing to do, and aborts when the kernel gives it no other: a user whose checks have used up
 * RLIMIT_NPROC would lose the agent too.
 */
export const RUNTIME_SETTINGS: Readonly<Record<string, string>> = {
  BUN_JSC_useConcurrentJIT: "0",
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_numberOfGCMarkers: "1",
  BUN_JSC_useWarmUpMarkedBlocks: "0",
};

const F_SETFD = 2;
const FD_CLOEXEC = 1;

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
    execute(stringsIn("/proc/self/cmdline"), environment, inherited);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/** The strings of a file of proc(5), each of which ends with a NUL byte. */
function stringsIn(path: string): readonly string[] {
  return decodeBytes(readFile(path)).split("\0").slice(0, -1);
}

/** @throws {SystemError} when it fails; otherwise it does not return. */
function execute(
  argv: readonly string[],
  environment: readonly string[],
  inherited: readonly number[],
): never {
  const libc = bindLibc({
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    execve: { args: ["buffer", "buffer", "buffer"], returns: "i32" },
  });
  const file = byteStringOf(process.execPath);
  const args = stringArray(argv);
  const variables = stringArray(environment);
  for (const fd of inherited) libc.fcntl(fd, F_SETFD, 0);
  libc.execve(cString(file), args.array, variables.array);
  const errno = lastErrno();
  for (const fd of inherited) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  throw new SystemError("execve", errno, file);
}
