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
 * Makes a TCP socket that is bound to an address and listens; of IPv6 it takes IPv6 only.
 *
 * @param backlog How many connections may wait to be accepted, see listen(2).
 * @throws {SystemError} whose call says what failed, EADDRINUSE for instance.
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
 * Makes a TCP socket that is bound to an address, of IPv6 for IPv6 only.
 *
 * @param shared Whether it may take the port of sockets that are shared as well, see {@link setReusePort}.
 * @throws {SystemError} whose call says what failed.
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
 * @throws {SystemError} EADDRINUSE when another socket listens there by now.
 */
export function startListening(fd: number, backlog: number): void {
  if (libc.listen(fd, backlog) !== 0) throw new SystemError("listen", lastErrno());
}

/**
 * Sets whether sockets of the same owner that are shared too may be bound to this one's port, see
 * SO_REUSEPORT in socket(7).
 */
export function setReusePort(fd: number, share: boolean): void {
  libc.setsockopt(fd, Linux.SOL_SOCKET, SO_REUSEPORT, new Int32Array([share ? 1 : 0]), 4);
}

/** Makes a user the owner of a socket; only root can, and another one's stays as it is. */
export function chownSocket(fd: number, uid: number, gid: number): void {
  libc.fchown(fd, uid, gid);
}

/** Sets how many connections may wait to be accepted. */
export function setBacklog(fd: number, backlog: number): void {
  libc.listen(fd, backlog);
}

/**
 * The number that a descriptor would get after `others` more have been opened, or minus errno where
 * there are not as many to be had.
 */
export function nextDescriptor(others: number): number {
  const fd = libc.socket(Linux.AF_INET, Linux.SOCK_STREAM | Linux.SOCK_CLOEXEC, 0);
  if (fd < 0) return -lastErrno();
  const next = others === 0 ? fd : nextDescriptor(others - 1);
  closeFile(fd);
  return next;
}
