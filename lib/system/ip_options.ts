/** Options of IPv4 on a connection, see RFC 791, 3.1, and IP_OPTIONS in ip(7). */
import { bindLater, lastErrno, SystemError } from "./libc.ts";

const libc = bindLater({
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
});

const IPPROTO_IP = 0;
const IP_OPTIONS = 4;
/** RFC 791: a header of at most 60 bytes, of which 20 are no options. */
const LONGEST = 40;

const Option = {
  end: 0x00,
  noOperation: 0x01,
  looseSourceRoute: 0x83,
  strictSourceRoute: 0x89,
} as const;

/** The options that the client has sent; none where the socket is not of IPv4. */
export function ipOptionsOf(fd: number): Uint8Array {
  const options = new Uint8Array(LONGEST);
  const length = new Uint32Array([LONGEST]);
  if (libc().getsockopt(fd, IPPROTO_IP, IP_OPTIONS, options, length) !== 0) return new Uint8Array();
  return options.subarray(0, length[0]);
}

/**
 * Takes the options off the packets that are sent from now on.
 * @throws {SystemError}
 */
export function dropIpOptions(fd: number): void {
  if (libc().setsockopt(fd, IPPROTO_IP, IP_OPTIONS, new Uint8Array(4), 0) !== 0) {
    throw new SystemError("setsockopt IP_OPTIONS", lastErrno());
  }
}

/** Whether the sender chose the way of its packets, and so of the answers. */
export function holdsSourceRoute(options: Uint8Array): boolean {
  for (let at = 0; at < options.length;) {
    const option = options[at];
    if (option === Option.looseSourceRoute || option === Option.strictSourceRoute) return true;
    if (option === Option.end) return false;
    const length = option === Option.noOperation ? 1 : options[at + 1] ?? 0;
    // One that is shorter than its own two bytes says nothing about where the next one is.
    if (length === 0) return false;
    at += length;
  }
  return false;
}
