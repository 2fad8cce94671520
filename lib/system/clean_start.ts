/**
 * What a process inherits from whoever starts it, and must not go on with.
 */
import type { Pointer } from "bun:ffi";
import { listDirectory } from "./directory.ts";
import { bindLater, bindLibc, closeFile, Open, openFile } from "./libc.ts";
import { isSocket } from "./socket.ts";

// The kernel is asked directly: sigprocmask(3) and signal(3) would be two more pages of the C library
// to touch, and musl has no close_range(2).
const libc = bindLibc({
  dup2: { args: ["i32", "i32"], returns: "i32" },
  syscall: { args: ["i64", "u64", "ptr", "ptr", "u64"], returns: "i32" },
});

const rare = bindLater({ fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });

/** Numbers of system calls that differ by architecture, see the kernel's unistd.h. */
const CALLS = process.arch === "arm64"
  ? { rt_sigaction: 134, rt_sigprocmask: 135 }
  : { rt_sigaction: 13, rt_sigprocmask: 14 };
/** This one has the same number on every architecture. */
const CLOSE_RANGE = 436;

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
/** The first descriptor that is none of these. */
const FIRST = 3;
const LAST = 0xffffffff as Pointer;
const CLOSE_RANGE_CLOEXEC = 4 as Pointer;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

const SIG_SETMASK = 2;
const SIGCHLD = 17;
/** The size of the kernel's sigset_t. */
const SIGNALS_SIZE = 8;
/** An empty set of signals, and a struct sigaction of the kernel's that says SIG_DFL. */
const NOTHING = new Uint8Array(32);

/**
 * Makes the process independent of who has started it: no signal is blocked; SIGCHLD is not ignored,
 * which would make the kernel throw away how children end; and no descriptor but the standard three
 * reaches a program that is started.
 */
export function cleanStart(): void {
  libc.syscall(CALLS.rt_sigprocmask, SIG_SETMASK, NOTHING, null, SIGNALS_SIZE);
  libc.syscall(CALLS.rt_sigaction, SIGCHLD, NOTHING, null, SIGNALS_SIZE);
  if (libc.syscall(CLOSE_RANGE, FIRST, LAST, CLOSE_RANGE_CLOEXEC, 0) !== 0) keepOneByOne();
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
 * @throws {SystemError} when there is no null device to be had; they are closed then.
 */
export function leaveConnection(): void {
  if (!isSocket(STDIN)) return;
  try {
    const nullDevice = openFile("/dev/null", Open.readWrite);
    libc.dup2(nullDevice, STDOUT);
    libc.dup2(nullDevice, STDERR);
    closeFile(nullDevice);
  } catch (error) {
    closeFile(STDOUT);
    closeFile(STDERR);
    throw error;
  }
}
