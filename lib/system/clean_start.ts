/** What a process inherits from its parent and must get rid of. */
import type { Pointer } from "./ffi.ts";
import { calls } from "./architecture.ts";
import { listDirectory } from "./directory.ts";
import { bindLater, closeFile, lastErrno, Open, openFile, SystemError } from "./libc.ts";
import { Linux, Signal, Stdio } from "./linux.ts";
import { blockEventSignals } from "./on_signal.ts";
import { isSocket } from "./socket.ts";
import { SIGNALS_SIZE, syscall } from "./syscall.ts";

const rare = bindLater({ fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });

/** The first descriptor after the standard three. */
const AFTER_STDERR = 3;
/** close_range(2), the same on every architecture. musl has no function for it. */
const SYS_CLOSE_RANGE = 436;
const NO_LIMIT = 0xffffffff as Pointer;
const CLOSE_RANGE_CLOEXEC = 4 as Pointer;

/** The kernel's struct sigaction for SIG_DFL. */
const DEFAULT_ACTION = new Uint8Array(32);

/**
 * Makes the process independent of its parent: {@link cleanSignals}, and all descriptors but the standard
 * three become close-on-exec.
 */
export function cleanStart(): void {
  cleanSignals();
  if (syscall(SYS_CLOSE_RANGE, AFTER_STDERR, NO_LIMIT, CLOSE_RANGE_CLOEXEC, 0) !== 0) {
    closeOnExecOneByOne();
  }
}

/**
 * Unblocks all signals but those of {@link blockEventSignals}, and stops ignoring SIGCHLD, since the
 * kernel would discard the exit statuses of children.
 */
export function cleanSignals(): void {
  blockEventSignals();
  syscall(calls.rt_sigaction, Signal.child, DEFAULT_ACTION, null, SIGNALS_SIZE);
}

/** For Linux before 5.11. Entries of fdinfo are plain files, so listing them opens none. */
function closeOnExecOneByOne(): void {
  for (const name of listDirectory("/proc/self/fdinfo").files) {
    const fd = Number(name);
    if (fd >= AFTER_STDERR) rare().fcntl(fd, Linux.F_SETFD, Linux.FD_CLOEXEC);
  }
}

/**
 * Puts standard output and error on the null device where standard input is a socket: inetd passes it
 * on all three, and nothing but a response must reach the client.
 * @throws {SystemError} when that is not possible. They are closed then.
 */
export function leaveConnection(): void {
  if (!isSocket(Stdio.input)) return;
  try {
    const nullDevice = openFile("/dev/null", Open.readWrite);
    redirect(Stdio.output, nullDevice);
    redirect(Stdio.error, nullDevice);
    closeFile(nullDevice);
  } catch (error) {
    closeFile(Stdio.output);
    closeFile(Stdio.error);
    throw error;
  }
}

function redirect(fd: number, other: number): void {
  if (syscall(calls.dup3, other, fd as Pointer, null, 0) < 0) {
    throw new SystemError("dup3", lastErrno());
  }
}
