/**
 * A stand-in for syslogd: a datagram socket at /dev/log that keeps what is sent to it.
 *
 * It must run in a private mount namespace (`unshare -m`), because it covers /dev/log.
 */
import { type Pointer, ptr } from "bun:ffi";
import { decodeBytes } from "../../lib/bytes.ts";
import { bindLibc, closeFile, cString, Open, openFile, writeAll } from "../../lib/system/libc.ts";

const CLONE_NEWNET = 0x40000000;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;

const libc = bindLibc({
  unshare: { args: ["i32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
});

/** The messages that arrived since the last call, without their time stamp and priority. */
export type Drain = () => string[];

/** Covers /dev/log with a socket; where there is none, with a /dev that has one. */
const COVER = `set -e
[ -e /dev/log ] || {
  old=$(mktemp -d)
  mount --rbind /dev "$old"
  mount -t tmpfs -o mode=755 dev /dev
  for device in null zero random urandom; do
    : > /dev/$device
    mount --bind "$old/$device" /dev/$device
  done
  ln -s /proc/self/fd /dev/fd
  umount -l "$old"
  rmdir "$old"
  : > /dev/log
}
mount --bind "$0" /dev/log
rm "$0"`;

/**
 * Binds /dev/log.
 *
 * A sender blocks when the queue of the socket is full, and its default length is 10; a socket made
 * in a network namespace of its own takes that namespace's limit.
 */
export function bindSyslog(): Drain {
  const home = openFile("/proc/self/ns/net", Open.readOnly);
  check(libc.unshare(CLONE_NEWNET), "unshare");
  const limit = openFile("/proc/sys/net/unix/max_dgram_qlen", 0o1);
  check(writeAll(limit, new TextEncoder().encode("100000")), "write max_dgram_qlen");
  closeFile(limit);
  const fd = check(libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  check(libc.setns(home, CLONE_NEWNET), "setns");
  closeFile(home);

  const path = `/tmp/syslog-${process.pid}`;
  const name = cString(path);
  const address = new Uint8Array(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  check(libc.bind(fd, ptr(address), address.length), "bind");
  const mounted = Bun.spawnSync(["sh", "-c", COVER, path]);
  if (mounted.exitCode !== 0) {
    throw new Error(`Cannot cover /dev/log: ${mounted.stderr.toString()}`);
  }

  const buffer = new Uint8Array(65536);
  return () => {
    const messages: string[] = [];
    for (;;) {
      const length = Number(libc.recv(fd, ptr(buffer) as Pointer, buffer.length, MSG_DONTWAIT));
      if (length < 0) return messages;
      messages.push(decodeBytes(buffer, 0, length).replace(/^<\d+>.{16}[^:]*: /, ""));
    }
  };
}

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed`);
  return result;
}
