import { bindLibc, describeErrno, lastErrno } from "./libc.ts";
import { Linux } from "./linux.ts";

const libc = bindLibc({
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
});

const TCP_INFO = 11;
/** The offset of `tcpi_unacked` in `struct tcp_info`: the queue's length for a listening socket. */
const UNACKED_AT = 24;

/**
 * accept(2). Blocks unless a connection waits.
 * @returns Its descriptor, or minus errno.
 */
export function acceptOne(listening: number): number {
  const fd = libc.accept4(listening, null, null, Linux.SOCK_CLOEXEC);
  return fd < 0 ? -lastErrno() : fd;
}

/** The log line for a connection that waits and cannot be accepted, in the C agent's words. */
export function acceptFailure(errno: number): string {
  return `Network server accept failure (${errno}: ${describeErrno(errno)})`;
}

/** How many connections wait to be accepted; undefined for a socket that is not TCP. */
export function countWaiting(listening: number): number | undefined {
  const info = new Uint8Array(256);
  const length = new Uint32Array([info.byteLength]);
  if (libc.getsockopt(listening, Linux.IPPROTO_TCP, TCP_INFO, info, length) !== 0) return undefined;
  return new DataView(info.buffer).getUint32(UNACKED_AT, true);
}
