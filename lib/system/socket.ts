import { type AddressBytes, isMapped, parseIPv4, parseIPv6 } from "../address.ts";
import {
  bindLater,
  bindLibc,
  closeFile,
  describeErrno,
  Errno,
  isReadable,
  lastErrno,
  now,
  Poll,
  readInto,
  SystemError,
  waitFor,
} from "./libc.ts";
import { Linux } from "./linux.ts";

const libc = bindLibc({
  getpeername: { args: ["i32", "buffer", "buffer"], returns: "i32" },
  getsockname: { args: ["i32", "buffer", "buffer"], returns: "i32" },
  send: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
});

const rare = bindLater({
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  inet_ntop: { args: ["i32", "buffer", "buffer", "u32"], returns: "cstring" },
});

const STREAM = Linux.SOCK_STREAM | Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC;
const TCP_NODELAY = 1;
const TCP_CORK = 3;
const TCP_QUICKACK = 12;
const SHUT_WR = 1;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
const SO_LINGER = 13;
const SO_ACCEPTCONN = 30;
const F_DUPFD_CLOEXEC = 1030;

/** An address and port of a TCP connection. */
export interface Endpoint {
  /** In text form. An IPv4-mapped address of IPv6 (RFC 4291, 2.5.5.2) is written as IPv4. */
  readonly address: string;
  readonly port: number;
}

/**
 * The other end of a connection, see getpeername(2).
 * @returns undefined for a socket of another family than IPv4 and IPv6.
 * @throws {SystemError} ENOTSOCK or ENOTCONN for instance.
 */
export function peerOf(fd: number): Endpoint | undefined {
  const address = new Uint8Array(128);
  const length = int(address.byteLength);
  if (libc.getpeername(fd, address, length) !== 0) {
    throw new SystemError("getpeername", lastErrno());
  }
  return endpointOf(address);
}

/**
 * This end of a connection, see getsockname(2).
 * @returns undefined as {@link peerOf} does.
 * @throws {SystemError}
 */
export function serverEndOf(fd: number): Endpoint | undefined {
  const address = new Uint8Array(128);
  const length = int(address.byteLength);
  if (libc.getsockname(fd, address, length) !== 0) {
    throw new SystemError("getsockname", lastErrno());
  }
  return endpointOf(address);
}

/** Whether a descriptor is a socket of the internet. */
export function isInternetSocket(fd: number): boolean {
  try {
    return serverEndOf(fd) !== undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return false;
  }
}

/** Whether a descriptor is a socket; one of which the kernel does not say counts as one. */
export function isSocket(fd: number): boolean {
  if (libc.getsockname(fd, new Uint8Array(128), int(128)) === 0) return true;
  const errno = lastErrno();
  return errno !== Errno.ENOTSOCK && errno !== Errno.EBADF;
}

/** Memory for an `int *`. */
function int(value: number): Int32Array {
  const memory = new Int32Array(1);
  memory[0] = value;
  return memory;
}

/** Turns SO_KEEPALIVE on, see socket(7). */
export function keepAlive(fd: number): void {
  libc.setsockopt(fd, Linux.SOL_SOCKET, SO_KEEPALIVE, int(1), 4);
}

/** Sets SO_LINGER, see socket(7). */
export function linger(fd: number, seconds: number): void {
  libc.setsockopt(fd, Linux.SOL_SOCKET, SO_LINGER, new Int32Array([1, seconds]), 8);
}

/** The errno of a socket's failed connection; 0 where there is none. See SO_ERROR in socket(7). */
export function connectionError(fd: number): number {
  const errno = int(0);
  rare().getsockopt(fd, Linux.SOL_SOCKET, SO_ERROR, errno, int(4));
  return errno[0]!;
}

/** Whether a socket is listening: inetd passes such a socket to a `wait` service. */
export function isListening(fd: number): boolean {
  const listening = int(0);
  rare().getsockopt(fd, Linux.SOL_SOCKET, SO_ACCEPTCONN, listening, int(4));
  return listening[0] === 1;
}

/** Makes the kernel send the pending acknowledgement now, see TCP_QUICKACK in tcp(7). */
export function acknowledgeNow(fd: number): void {
  libc.setsockopt(fd, Linux.IPPROTO_TCP, TCP_QUICKACK, int(1), 4);
}

/** Sets TCP_CORK, see tcp(7): a partial segment is not sent until it is cleared, for up to 200 ms. */
export function cork(fd: number, on: boolean): void {
  libc.setsockopt(fd, Linux.IPPROTO_TCP, TCP_CORK, new Int32Array([on ? 1 : 0]), 4);
}

/**
 * A duplicate of a descriptor, close-on-exec.
 * @throws {SystemError}
 */
export function duplicate(fd: number): number {
  const copy = rare().fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw new SystemError("fcntl", lastErrno());
  return copy;
}

/** socketpair(2), with sockets that do not block. */
export function socketPair(): readonly [number, number] {
  const libc = bindLibc({
    socketpair: { args: ["i32", "i32", "i32", "buffer"], returns: "i32" },
  });
  const ends = new Int32Array(2);
  if (
    libc.socketpair(
      Linux.AF_UNIX,
      STREAM,
      0,
      ends,
    ) !== 0
  ) {
    throw new SystemError("socketpair", lastErrno());
  }
  return ends as unknown as [number, number];
}

/**
 * Begins to connect to a port of another host; what is sent meanwhile waits for the connection.
 *
 * @param local The address of this host to connect from; without one, the kernel chooses.
 * @returns A socket that does not block; the negative errno where the connection fails at once.
 */
export function beginConnecting(host: string, port: number, local?: string): number {
  const own = local === undefined ? undefined : parseIPv4(local) ?? parseIPv6(local);
  const other = parseIPv4(host) ?? parseIPv6(host);
  if (other === undefined) return -Errno.EAFNOSUPPORT;
  const libc = bindLibc({
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
    connect: { args: ["i32", "buffer", "u32"], returns: "i32" },
  });
  const to = socketAddress(other, port);
  const fd = libc.socket(to[0]!, STREAM, 0);
  if (fd < 0) return -lastErrno();
  if (own !== undefined) {
    const from = socketAddress(own, 0);
    libc.bind(fd, from, from.byteLength);
  }
  if (libc.connect(fd, to, to.byteLength) === 0) return fd;
  const errno = lastErrno();
  if (errno === Errno.EINPROGRESS) return fd;
  closeFile(fd);
  return -errno;
}

/** A `struct sockaddr_in` or `sockaddr_in6`. */
export function socketAddress(address: AddressBytes, port: number): Uint8Array {
  const isIPv4 = address.length === 4;
  const bytes = new Uint8Array(isIPv4 ? 16 : 28);
  bytes[0] = isIPv4 ? Linux.AF_INET : Linux.AF_INET6;
  bytes[2] = port >> 8;
  bytes[3] = port;
  bytes.set(address, isIPv4 ? 4 : 8);
  return bytes;
}

/** The endpoint in a `struct sockaddr_in` or `sockaddr_in6`; undefined for another family. */
export function endpointOf(sockaddr: Uint8Array): Endpoint | undefined {
  const family = sockaddr[0]! | sockaddr[1]! << 8;
  const port = sockaddr[2]! << 8 | sockaddr[3]!;
  if (family === Linux.AF_INET) return { address: ipv4Text(sockaddr, 4), port };
  if (family !== Linux.AF_INET6) return undefined;
  const bytes = sockaddr.subarray(8, 24);
  if (isMapped(bytes)) return { address: ipv4Text(bytes, 12), port };
  const text = new Uint8Array(46);
  return { address: String(rare().inet_ntop(Linux.AF_INET6, bytes, text, text.byteLength)), port };
}

function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Why a read or a write failed. */
export type Failure =
  | { readonly kind: "timed out" }
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly errno: number };

/** Bytes that have arrived, or why there are none. */
export type Received = { readonly kind: "bytes"; readonly count: number } | Failure;

/**
 * Reads what has arrived, and waits for it if necessary.
 * @param deadline In milliseconds of {@link now}.
 */
export function receive(fd: number, buffer: Uint8Array, deadline: number): Received {
  if (waitFor([{ fd, events: Poll.in }], deadline)[0] === 0) return { kind: "timed out" };
  const count = readInto(fd, buffer);
  if (count > 0) return { kind: "bytes", count };
  return count === 0 ? { kind: "closed" } : { kind: "failed", errno: -count };
}

/** Waits until bytes have arrived or the other end is closed; reads nothing. */
export function awaitBytes(fd: number, deadline: number): void {
  waitFor([{ fd, events: Poll.in }], deadline);
}

/**
 * Sends what the socket takes now, without Nagle's algorithm.
 * @returns How many bytes it has taken, or minus errno.
 */
export function sendNow(fd: number, bytes: Uint8Array): number {
  libc.setsockopt(fd, Linux.IPPROTO_TCP, TCP_NODELAY, int(1), 4);
  const count = libc.send(fd, bytes, bytes.byteLength, Linux.MSG_DONTWAIT | Linux.MSG_NOSIGNAL);
  if (count >= 0) return count;
  const errno = lastErrno();
  return errno === Errno.EAGAIN || errno === Errno.EINTR ? 0 : -errno;
}

/** The reason for an errno of {@link sendNow}; undefined where the client has gone. */
export function sendingProblem(errno: number): string | undefined {
  return errno === Errno.EPIPE || errno === Errno.ECONNRESET ? undefined : describeErrno(errno);
}

/**
 * Sends all bytes, in one write where the socket takes them, without Nagle's algorithm.
 * @param deadline In milliseconds of {@link now}.
 */
export function send(fd: number, bytes: Uint8Array, deadline: number): Failure | undefined {
  for (let rest = bytes;;) {
    const count = sendNow(fd, rest);
    if (count < 0) return { kind: "failed", errno: -count };
    if (count === rest.byteLength) return undefined;
    rest = rest.subarray(count);
    if (waitFor([{ fd, events: Poll.out }], deadline)[0] === 0) return { kind: "timed out" };
  }
}

/**
 * Shuts the sending direction down and discards what the client has sent after its query: closing a
 * socket with unread bytes resets the connection, and the client may lose the response.
 * @param deadline In milliseconds of {@link now}.
 */
export function lingeringClose(fd: number, deadline: number): void {
  if (!isReadable(fd)) return;
  rare().shutdown(fd, SHUT_WR);
  const unread = new Uint8Array(65536);
  while (now() < deadline && receive(fd, unread, deadline).kind === "bytes");
}
