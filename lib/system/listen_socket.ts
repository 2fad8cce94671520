import type { AddressBytes } from "../address.ts";
import { bindLibc, closeFile, lastErrno, SystemError } from "./libc.ts";
import { Linux } from "./linux.ts";
import { socketAddress } from "./socket.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  fchown: { args: ["i32", "u32", "u32"], returns: "i32" },
});

const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/**
 * Makes a TCP socket that is bound to an address and listens, for IPv6 with IPV6_V6ONLY.
 *
 * @param backlog See listen(2).
 * @throws {SystemError}
 */
export function listenOn(address: AddressBytes, port: number, backlog: number): number {
  const fd = bindSocket(address, port, false);
  try {
    startListening(fd, backlog);
  } catch (error) {
    closeFile(fd);
    throw error;
  }
  return fd;
}

/**
 * Makes a TCP socket that is bound to an address, for IPv6 with IPV6_V6ONLY.
 *
 * @param shared Whether it shares the port with other sockets, see {@link setReusePort}.
 * @throws {SystemError}
 */
export function bindSocket(address: AddressBytes, port: number, shared: boolean): number {
  const sockaddr = socketAddress(address, port);
  const family = sockaddr[0]!;
  const fd = libc.socket(family, Linux.SOCK_STREAM | Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemError("socket", lastErrno());
  const one = new Int32Array([1]);
  libc.setsockopt(fd, Linux.SOL_SOCKET, SO_REUSEADDR, one, 4);
  if (shared) setReusePort(fd, true);
  if (family === Linux.AF_INET6) libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, one, 4);
  if (libc.bind(fd, sockaddr, sockaddr.byteLength) === 0) return fd;
  const error = new SystemError("bind", lastErrno());
  closeFile(fd);
  throw error;
}

/**
 * listen(2).
 * @throws {SystemError} EADDRINUSE when another socket listens there.
 */
export function startListening(fd: number, backlog: number): void {
  if (libc.listen(fd, backlog) !== 0) throw new SystemError("listen", lastErrno());
}

/** Sets SO_REUSEPORT, see socket(7). */
export function setReusePort(fd: number, share: boolean): void {
  libc.setsockopt(fd, Linux.SOL_SOCKET, SO_REUSEPORT, new Int32Array([share ? 1 : 0]), 4);
}

/** fchown(2). Fails silently where the process is not root. */
export function chownSocket(fd: number, uid: number, gid: number): void {
  libc.fchown(fd, uid, gid);
}

/** Changes the backlog, see listen(2). */
export function setBacklog(fd: number, backlog: number): void {
  libc.listen(fd, backlog);
}

/**
 * The lowest free descriptor after `others` more are opened, or minus errno where there are not enough.
 */
export function nextDescriptor(others: number): number {
  const fd = libc.socket(Linux.AF_INET, Linux.SOCK_STREAM | Linux.SOCK_CLOEXEC, 0);
  if (fd < 0) return -lastErrno();
  const next = others === 0 ? fd : nextDescriptor(others - 1);
  closeFile(fd);
  return next;
}
