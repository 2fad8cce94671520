import { bindLater, cString, lastErrno, stringArray, SystemError } from "./libc.ts";
import { Linux, Signal } from "./linux.ts";
import { type ProgramStart, withUsualOpenFiles } from "./process.ts";
import { blockSignals, SIGNALS_SIZE } from "./syscall.ts";

const libc = bindLater({
  execve: { args: ["buffer", "buffer", "buffer"], returns: "i32" },
  dup2: { args: ["i32", "i32"], returns: "i32" },
  signal: { args: ["i32", "u64"], returns: "u64" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
});

const SIG_DFL = 0n;

/**
 * Replaces this process by a program with a connection as its standard input, output and error, and
 * with the signals and limits that a started program has.
 *
 * @throws {SystemError} when it cannot be executed.
 */
export function execOnConnection(
  { file, argv, environment }: ProgramStart,
  connection: number,
): never {
  for (const fd of [0, 1, 2]) {
    if (fd !== connection && libc().dup2(connection, fd) < 0) {
      throw new SystemError("dup2", lastErrno());
    }
  }
  execInPlace({ file, argv, environment });
}

/**
 * Replaces this process by a program with the same descriptors, and with the signals and limits that a
 * started program has.
 *
 * @param openFiles Its soft limit of open files; the usual one where it is not given.
 * @throws {SystemError} when it cannot be executed.
 */
export function execInPlace(
  { file, argv, environment }: ProgramStart,
  openFiles?: number,
): never {
  for (const signal of [Signal.pipe, Signal.fileSize]) libc().signal(signal, SIG_DFL);
  const errno = withUsualOpenFiles(() => execve(file, argv, environment), openFiles);
  throw new SystemError("execve", errno, file);
}

/**
 * Replaces this process by a program that inherits some descriptors beside the standard three.
 * @throws {SystemError} when it cannot be executed.
 */
export function execWith(
  { file, argv, environment }: ProgramStart,
  descriptors: readonly number[],
): never {
  for (const fd of descriptors) libc().fcntl(fd, Linux.F_SETFD, 0);
  const errno = execve(file, argv, environment);
  for (const fd of descriptors) libc().fcntl(fd, Linux.F_SETFD, Linux.FD_CLOEXEC);
  throw new SystemError("execve", errno, file);
}

/** execve(2) with no signal blocked; returns the errno with which it failed. */
function execve(file: string, argv: readonly string[], environment: readonly string[]): number {
  const args = stringArray(argv);
  const variables = stringArray(environment);
  const own = new Uint8Array(SIGNALS_SIZE);
  blockSignals(new Uint8Array(SIGNALS_SIZE), own);
  libc().execve(cString(file), args.array, variables.array);
  const errno = lastErrno();
  blockSignals(own, null);
  return errno;
}
