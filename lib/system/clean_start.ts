/**
 * What a process inherits from whoever starts it, and must not go on with.
 */
import type { Pointer } from "./ffi.ts";
import { calls } from "./architecture.ts";
import { listDirectory } from "./directory.ts";
import { bindLater, closeFile, lastErrno, Open, openFile, SystemError } from "./libc.ts";
import { isSocket } from "./socket.ts";
import { blockSignals, SIGNALS_SIZE, syscall } from "./syscall.ts";

const rare = bindLater({ fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
/** The first descriptor that is none of these. */
const FIRST = 3;
/** close_range(2), for which musl has no function, has this number on every architecture. */
const SYS_CLOSE_RANGE = 436;
const LAST = 0xffffffff as Pointer;
const CLOSE_RANGE_CLOEXEC = 4 as Pointer;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

const SIGCHLD = 17;
/** An empty set of signals, and a struct sigaction of the kernel's that says SIG_DFL. */
const NOTHING = new Uint8Array(32);

/**
 * Makes the process independent of who has started it: no signal is blocked; SIGCHLD is not ignored,
 * which would make the kernel throw away how children end; and no descriptor but the standard three
 * reaches a program that is started.
 */
export function cleanStart(): void {
  blockSignals(NOTHING, null);
  syscall(calls.rt_sigaction, SIGCHLD, NOTHING, null, SIGNALS_SIZE);
  if (syscall(SYS_CLOSE_RANGE, FIRST, LAST, CLOSE_RANGE_CLOEXEC, 0) !== 0) keepOneByOne();
}

/** For Linux before 5.11. Entries of fdinfo are plain files, so that listing them opens none. */
function keepOneByOne(): void {
  for (const name of listDirectory("/proc/self/fdinfo").files) {
    const fd = Number(name);
    if (fd >= FIRST) rare().fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

/**
 * Where standard input is a socket, inetd has left it on standard output and error as well: these become
 * the null device, so that nothing but a response reaches the client.
 * @throws {SystemError} when that is not possible; they are closed then.
 */
export function leaveConnection(): void {
  if (!isSocket(STDIN)) return;
  try {
    const nullDevice = openFile("/dev/null", Open.readWrite);
    becomes(STDOUT, nullDevice);
    becomes(STDERR, nullDevice);
    closeFile(nullDevice);
  } catch (error) {
    closeFile(STDOUT);
    closeFile(STDERR);
    throw error;
  }
}

function becomes(fd: number, other: number): void {
  if (syscall(calls.dup3, other, fd as Pointer, null, 0) < 0) {
    throw new SystemError("dup3", lastErrno());
  }
}
