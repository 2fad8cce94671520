/**
 * Lines for the host's syslog, in the form that glibc's syslog(3) gives them: RFC 3164 without a host
 * name. That function waits until somebody reads, for good where nobody does, and is not used.
 */
import { bindLater, closeFile, cString, Errno, lastErrno, now, waitFor } from "./libc.ts";
import { Linux } from "./linux.ts";

// The C library's local time: a Date takes 500 page faults more at its first use.
const libc = bindLater({
  time: { args: ["buffer"], returns: "i32" },
  localtime_r: { args: ["buffer", "buffer"], returns: "ptr" },
  getpid: { args: [], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "buffer", "u64", "i32", "buffer", "u32"], returns: "i32" },
});

const rare = bindLater({
  connect: { args: ["i32", "buffer", "u32"], returns: "i32" },
  send: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
});

const CONNECTION = Linux.SOCK_STREAM | Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC;
const AT_ONCE = Linux.MSG_DONTWAIT | Linux.MSG_NOSIGNAL;

/**
 * Where syslog listens. The others are for a process whose /dev lacks the first: systemd's journal, and
 * the syslog daemon behind it.
 */
const SOCKETS = ["/dev/log", "/run/systemd/journal/dev-log", "/run/systemd/journal/syslog"];

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** For how many pauses of a millisecond a syslog that lags may hold up the agent at once. */
const MOST_PAUSES = 100;
/** How many of them are regained in a millisecond: over time it is a hundredth that is lost. */
const REGAINED = 0.01;

/** The socket that datagrams leave by. It is kept, since descriptors may have run out by the next line. */
let datagrams: number | undefined;
/** The connection to a syslog that takes no datagrams. */
let connection: { readonly fd: number; readonly path: string } | undefined;
let pid: number | undefined;
let pauses = MOST_PAUSES;
/** When the pauses were counted last, in milliseconds of {@link now}. */
let counted = 0;

/**
 * Sends a line to syslog as `nrpe[pid]`, to whoever listens there now, so that no restart of it
 * matters. A syslog that is there but does not read does not get the line.
 *
 * @param priority A facility and a level.
 * @param text What a log line may hold, see printable().
 * @returns 0, or the errno that says why the line could not be sent.
 */
export function sendToSyslog(priority: number, text: string): number {
  pid ??= libc().getpid();
  const line = cString(`<${priority}>${timestamp()} nrpe[${pid}]: ${text}`);
  for (;;) {
    const errno = offer(line);
    if (errno !== Errno.EAGAIN || !pause()) return errno;
  }
}

/** The local time as RFC 3164, 4.1.2, has it. */
function timestamp(): string {
  const seconds = new Int32Array(2);
  // struct tm { int tm_sec; int tm_min; int tm_hour; int tm_mday; int tm_mon; … };
  const tm = new Int32Array(16);
  libc().time(seconds);
  libc().localtime_r(seconds, tm);
  const month = MONTHS.slice(tm[4]! * 3, tm[4]! * 3 + 3);
  const day = tm[3]!;
  const time = `${twoDigits(tm[2]!)}:${twoDigits(tm[1]!)}:${twoDigits(tm[0]!)}`;
  return `${month} ${day < 10 ? " " : ""}${day} ${time}`;
}

function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : `${number}`;
}

/** Sends a line, its NUL left out, to the first place that takes it; returns 0 or an errno. */
function offer(line: Uint8Array): number {
  let failure = 0;
  for (let at = 0; at < SOCKETS.length; at++) {
    const errno = sendTo(SOCKETS[at]!, line);
    // Who lags is there, and the next place leads to the same one.
    if (errno === 0 || errno === Errno.EAGAIN) return errno;
    if (failure === 0) failure = errno;
  }
  return failure;
}

function sendTo(path: string, line: Uint8Array): number {
  if (datagrams === undefined) {
    const fd = libc().socket(Linux.AF_UNIX, Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC, 0);
    if (fd < 0) return lastErrno();
    datagrams = fd;
  }
  // struct sockaddr_un { sa_family_t sun_family; char sun_path[]; };
  const address = cString(`\x01\0${path}`);
  const { sendto } = libc();
  const length = line.byteLength - 1;
  if (sendto(datagrams, line, length, AT_ONCE, address, address.byteLength) >= 0) {
    return 0;
  }
  const errno = lastErrno();
  return errno === Errno.EPROTOTYPE ? sendOnConnection(path, address, line) : errno;
}

/** Sends a line to a syslog that takes connections; there its NUL ends it. */
function sendOnConnection(path: string, address: Uint8Array, line: Uint8Array): number {
  if (connection?.path === path) {
    const errno = sendWhole(connection.fd, line);
    if (errno === 0 || errno === Errno.EAGAIN) return errno;
  }
  if (connection !== undefined) closeFile(connection.fd);
  connection = undefined;
  const fd = libc().socket(Linux.AF_UNIX, CONNECTION, 0);
  if (fd < 0) return lastErrno();
  if (rare().connect(fd, address, address.byteLength) !== 0) {
    const errno = lastErrno();
    closeFile(fd);
    return errno;
  }
  connection = { fd, path };
  return sendWhole(fd, line);
}

function sendWhole(fd: number, line: Uint8Array): number {
  const count = rare().send(fd, line, line.byteLength, AT_ONCE);
  if (count < 0) return lastErrno();
  // A part of a line would be one with the next: the connection is of no more use.
  return count === line.byteLength ? 0 : Errno.EPIPE;
}

/**
 * Leaves a syslog that lags a moment to read: in a burst of lines its queue, of ten by default, is full
 * at once. The pauses are counted, not their time, for on a busy machine both sides take longer.
 * @returns Whether there is any pause left.
 */
function pause(): boolean {
  const time = now();
  pauses += (time - counted) * REGAINED;
  if (pauses > MOST_PAUSES) pauses = MOST_PAUSES;
  counted = time;
  if (pauses < 1) return false;
  pauses--;
  waitFor([], time + 1);
  return true;
}
