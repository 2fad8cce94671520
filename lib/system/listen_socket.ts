import type { AddressBytes } from "../address.ts";
import { bindLibc, closeFile, lastErrno, SystemError } from "./libc.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
});

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const F_DUPFD_CLOEXEC = 1030;

/**
 * Makes a TCP socket that is bound to an address and listens; of IPv6 it takes IPv6 only.
 *
 * @param backlog How many connections may wait to be accepted, see listen(2).
 * @throws {SystemError} whose call says what failed, EADDRINUSE for instance.
 */
export function listenOn(address: AddressBytes, port: number, backlog: number): number {
  const family = address.length === 4 ? AF_INET : AF_INET6;
  const fd = libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemError("socket", lastErrno());
  const one = new Int32Array([1]);
  libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one, 4);
  if (family === AF_INET6) libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, one, 4);
  const sockaddr = socketAddress(family, address, port);
  if (libc.bind(fd, sockaddr, sockaddr.byteLength) !== 0) throw closing(fd, "bind");
  if (libc.listen(fd, backlog) !== 0) throw closing(fd, "listen");
  return fd;
}

/** Sets how many connections may wait to be accepted. */
export function setBacklog(fd: number, backlog: number): void {
  libc.listen(fd, backlog);
}

/**
 * Another descriptor for the same socket.
 * @throws {SystemError} when there is none to be had.
 */
export function duplicate(fd: number): number {
  const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw new SystemError("fcntl", lastErrno());
  return copy;
}

/**
 * The number that a descriptor would get after `others` more have been opened, or minus errno where
 * there are not as many to be had.
 */
export function nextDescriptor(others: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -lastErrno();
  const next = others === 0 ? fd : nextDescriptor(others - 1);
  closeFile(fd);
  return next;
}

function closing(fd: number, call: string): SystemError {
  const error = new SystemError(call, lastErrno());
  closeFile(fd);
  return error;
}

/** A `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress(family: number, address: AddressBytes, port: number): Uint8Array {
  const bytes = new Uint8Array(family === AF_INET ? 16 : 28);
  new Uint16Array(bytes.buffer)[0] = family;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(address, family === AF_INET ? 4 : 8);
  return bytes;
}
