/**
 * What this process has inherited and must not go on with, whoever started it.
 */
import { listDirectory } from "./directory.ts";
import { bindLater, bindLibc, closeFile, Open, openFile } from "./libc.ts";
import { isSocket } from "./socket.ts";

const libc = bindLibc({
  sigprocmask: { args: ["i32", "buffer", "ptr"], returns: "i32" },
  signal: { args: ["i32", "u64"], returns: "u64" },
  syscall: { args: ["i64", "u32", "u32", "u32"], returns: "i32" },
  dup2: { args: ["i32", "i32"], returns: "i32" },
});

const old = bindLater({ fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
/** The first descriptor that is not one of the standard three. */
const FIRST = 3;

/** The size of a sigset_t. */
const SIGNALS_SIZE = 128;
const SIG_SETMASK = 2;
const SIG_DFL = 0;
const SIGCHLD = 17;
/** close_range(2) has this number on every architecture; musl has no function for it. */
const SYS_CLOSE_RANGE = 436;
const LAST = 0xffffffff;
const CLOSE_RANGE_CLOEXEC = 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Makes the process independent of who started it: no signal is blocked, the end of a child is waited
 * for (with SIGCHLD ignored the kernel would throw its status away), and no descriptor but the standard
 * three reaches a program that is started.
 */
export function cleanStart(): void {
  libc.sigprocmask(SIG_SETMASK, new Uint8Array(SIGNALS_SIZE), null);
  libc.signal(SIGCHLD, SIG_DFL);
  if (libc.syscall(SYS_CLOSE_RANGE, FIRST, LAST, CLOSE_RANGE_CLOEXEC) !== 0) keepOneByOne();
}

/** For Linux before 5.11. The entries of fdinfo are plain files, so that nothing of them is opened. */
function keepOneByOne(): void {
  for (const name of listDirectory("/proc/self/fdinfo").files) {
    const fd = Number(name);
    if (fd >= FIRST) old().fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

/**
 * Where standard input is a socket, inetd has left it on standard output and error as well: they become
 * the null device, so that nothing but a response reaches the client. Without a null device they are
 * closed.
 * @throws {SystemError} when there is no null device to be had.
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
