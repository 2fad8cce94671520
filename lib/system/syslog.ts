/**
 * Lines for the host's syslog, in the format of glibc's syslog(3): RFC 3164 without a host name. That
 * function itself blocks while syslog does not read, and is not used.
 */
import { bindLater, closeFile, cString, Errno, lastErrno, now, waitFor } from "./libc.ts";
import { Linux } from "./linux.ts";

// The local time of the C library: the first use of a Date costs 500 page faults more.
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
 * Where syslog listens. The second and third, of systemd's journal and of the syslog daemon that it
 * forwards to, are for a process whose /dev lacks the first.
 */
const SOCKETS = ["/dev/log", "/run/systemd/journal/dev-log", "/run/systemd/journal/syslog"];

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** How many pauses of a millisecond are made at most while syslog's queue is full. */
const MOST_PAUSES = 100;
/** How many pauses are regained per millisecond: pauses take up to a hundredth of the time. */
const REGAINED = 0.01;

/** The socket for datagrams. It stays open, since descriptors may have run out by the next line. */
let datagrams: number | undefined;
/** The connection to a syslog that takes no datagrams. */
let connection: { readonly fd: number; readonly path: string } | undefined;
let pid: number | undefined;
let pauses = MOST_PAUSES;
/** When the pauses were counted last, in milliseconds of {@link now}. */
let counted = 0;

/**
 * Sends a line to syslog as `name[pid]`. Each line is addressed anew, so syslog may be restarted at any
 * time. A line is lost where syslog does not read.
 *
 * @param priority A facility and a level.
 * @param text Printable text, see printable().
 * @param name The name of the program, printable too.
 * @returns 0 or an errno.
 */
export function sendToSyslog(priority: number, text: string, name = "nrpe"): number {
  pid ??= libc().getpid();
  const line = cString(`<${priority}>${timestamp()} ${name}[${pid}]: ${text}`);
  for (;;) {
    const errno = offer(line);
    if (!isPassing(errno) || !pause()) return errno;
  }
}

/** Whether a line may be taken a moment later: syslog's queue is full, or the kernel has no memory. */
function isPassing(errno: number): boolean {
  return errno === Errno.EAGAIN || errno === Errno.EINTR || errno === Errno.ENOMEM ||
    errno === Errno.ENOBUFS;
}

/** The local time in the format of RFC 3164, 4.1.2. */
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

/** Sends a line, without its NUL, to the first socket that takes it; returns 0 or an errno. */
function offer(line: Uint8Array): number {
  let failure = 0;
  for (let at = 0; at < SOCKETS.length; at++) {
    const errno = sendTo(SOCKETS[at]!, line);
    // A full queue: the next socket belongs to the same syslog.
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

/** Sends a line to a syslog that takes connections, where a NUL ends it. */
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
  // The rest of the line would be lost and the next appended to this part: the connection is useless.
  return count === line.byteLength ? 0 : Errno.EPIPE;
}

/**
 * Gives syslog a millisecond to read: a burst of lines fills its queue, of ten by default. Pauses are
 * counted rather than timed, since on a busy machine both sides take longer.
 * @returns Whether a pause was left.
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
