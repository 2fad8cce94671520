import { chmodSync } from "node:fs";
import { bindLibc, closeFile, Errno, lastErrno, SystemError } from "../../lib/system/libc.ts";
import { decodeBytes, encodeBytes } from "../../lib/bytes.ts";
import { waitUntil } from "./wait_until.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
});

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000 | 0o2000000;

/** How often lines are taken from the kernel, which holds few of them and then makes senders wait. */
const DRAIN_INTERVAL = 20;

/** A line that a program has sent to syslog. */
export interface SyslogLine {
  readonly facility: number;
  readonly severity: number;
  /** What follows the time stamp, `nrpe[123]: text`. */
  readonly text: string;
}

/** A socket to stand in for /dev/log. */
export interface Syslog extends Disposable {
  readonly path: string;
  /** The socket, to wait for lines with. */
  readonly fd: number;
  /** Takes away all lines that have arrived. */
  take(): SyslogLine[];
  /** Waits until a line arrives whose text the pattern matches, and takes all up to then. */
  until(pattern: RegExp): Promise<SyslogLine[]>;
}

/** Binds a datagram socket at a path that every user may send to. */
export function listenAsSyslog(path: string): Syslog {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
  const address = new Uint8Array(110);
  new Uint16Array(address.buffer)[0] = AF_UNIX;
  address.set(encodeBytes(path), 2);
  if (libc.bind(fd, address, 2 + path.length + 1) !== 0) {
    throw new SystemError("bind", lastErrno(), path);
  }
  chmodSync(path, 0o666);
  const arrived: SyslogLine[] = [];
  const buffer = new Uint8Array(262144);
  const drain = () => {
    for (;;) {
      const length = libc.recv(fd, buffer, buffer.byteLength, 0);
      if (length >= 0) arrived.push(parse(decodeBytes(buffer, 0, length)));
      else if (lastErrno() !== Errno.EINTR) return;
    }
  };
  const timer = setInterval(drain, DRAIN_INTERVAL);
  const take = () => {
    drain();
    return arrived.splice(0);
  };
  return {
    path,
    fd,
    take,
    async until(pattern) {
      await waitUntil(`a log line like ${pattern}`, () => {
        drain();
        return arrived.some(({ text }) => pattern.test(text));
      });
      return take();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      closeFile(fd);
    },
  };
}

function parse(datagram: string): SyslogLine {
  const match = /^<([0-9]+)>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} ([^]*)$/.exec(datagram);
  if (match === null) throw new Error(`Not a syslog line: ${datagram}`);
  const priority = Number(match[1]);
  return { facility: priority & ~7, severity: priority & 7, text: match[2]! };
}
