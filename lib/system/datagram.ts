/** Sockets of datagrams, which inetd passes to `wait` services before the first datagram is read. */
import { bindLater, lastErrno, Poll, SystemError, waitFor } from "./libc.ts";
import { Linux } from "./linux.ts";
import { type Endpoint, endpointOf } from "./socket.ts";

const libc = bindLater({
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
  recvfrom: { args: ["i32", "buffer", "u64", "i32", "buffer", "buffer"], returns: "i32" },
});

const SO_TYPE = 3;

/** Whether a descriptor is a socket of datagrams. */
export function isDatagramSocket(fd: number): boolean {
  const type = new Int32Array(1);
  libc().getsockopt(fd, Linux.SOL_SOCKET, SO_TYPE, type, new Int32Array([4]));
  return type[0] === Linux.SOCK_DGRAM;
}

/**
 * The sender of the first datagram, which stays in the queue.
 *
 * @param deadline How long to wait for one, in milliseconds of now().
 * @returns undefined for another family than IPv4 and IPv6.
 * @throws {SystemError} EAGAIN where there is none.
 */
export function senderOf(fd: number, deadline: number): Endpoint | undefined {
  waitFor([{ fd, events: Poll.in }], deadline);
  const address = new Uint8Array(128);
  if (receiveFrom(fd, Linux.MSG_PEEK, address) < 0) throw new SystemError("recvfrom", lastErrno());
  return endpointOf(address);
}

/** Takes the first datagram from the queue, if there is one. */
export function discardDatagram(fd: number): void {
  receiveFrom(fd, 0, new Uint8Array(128));
}

function receiveFrom(fd: number, flags: number, address: Uint8Array): number {
  const length = new Int32Array([address.byteLength]);
  const { recvfrom } = libc();
  return recvfrom(fd, new Uint8Array(1), 1, flags | Linux.MSG_DONTWAIT, address, length);
}
