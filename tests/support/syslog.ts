import { chmodSync } from "node:fs";
import { bindLibc, closeFile, Errno, lastErrno, SystemError } from "../../lib/system/libc.ts";
import { decodeBytes, encodeBytes } from "../../lib/bytes.ts";
import { waitUntil } from "./wait_until.ts";

const libc = bindLibc({
  listen: { args: ["i32", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
});

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000 | 0o2000000;

/** How often lines are taken from the kernel, which holds few of them, in milliseconds. */
const DRAIN_INTERVAL = 5;

/** A line that a program has sent to syslog. */
export interface SyslogLine {
  readonly facility: number;
  readonly severity: number;
  /** Its time stamp, `Nov  4 09:05:07`. */
  readonly time: string;
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

/**
 * Binds a datagram socket at a path that every user may send to.
 * @param deaf Whether it is read only when lines are taken or waited for.
 */
export function listenAsSyslog(path: string, { deaf = false } = {}): Syslog {
  const fd = bindTo(path, SOCK_DGRAM_NONBLOCK);
  const arrived: SyslogLine[] = [];
  const buffer = new Uint8Array(262144);
  const drain = () => {
    for (;;) {
      const length = libc.recv(fd, buffer, buffer.byteLength, 0);
      if (length >= 0) arrived.push(parse(decodeBytes(buffer, 0, length)));
      else if (lastErrno() !== Errno.EINTR) return;
    }
  };
  const timer = deaf ? undefined : setInterval(drain, DRAIN_INTERVAL);
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

/** Listens for connections at a path, and accepts none. */
export function listenAsDeafStreamSyslog(path: string): Disposable {
  const fd = bindTo(path, SOCK_STREAM_CLOEXEC);
  if (libc.listen(fd, 1) !== 0) throw new SystemError("listen", lastErrno(), path);
  return { [Symbol.dispose]: () => closeFile(fd) };
}

function bindTo(path: string, type: number): number {
  const fd = libc.socket(AF_UNIX, type, 0);
  const address = new Uint8Array(110);
  new Uint16Array(address.buffer)[0] = AF_UNIX;
  address.set(encodeBytes(path), 2);
  if (libc.bind(fd, address, 2 + path.length + 1) !== 0) {
    throw new SystemError("bind", lastErrno(), path);
  }
  chmodSync(path, 0o666);
  return fd;
}

/** Listens for connections at a path as some syslog daemons do; each line ends with a NUL there. */
export function listenAsStreamSyslog(path: string): Omit<Syslog, "fd"> {
  const arrived: SyslogLine[] = [];
  const connections = new Set<Bun.Socket<{ rest: string }>>();
  const listener = Bun.listen<{ rest: string }>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = { rest: "" };
        connections.add(socket);
      },
      data(socket, bytes) {
        const lines = (socket.data.rest + decodeBytes(bytes)).split("\0");
        socket.data.rest = lines.pop()!;
        arrived.push(...lines.map(parse));
      },
      close: (socket) => void connections.delete(socket),
    },
  });
  chmodSync(path, 0o666);
  const take = () => arrived.splice(0);
  return {
    path,
    take,
    async until(pattern) {
      await waitUntil(
        `a log line like ${pattern}`,
        () => arrived.some(({ text }) => pattern.test(text)),
      );
      return take();
    },
    [Symbol.dispose]() {
      listener.stop(true);
      for (const socket of connections) socket.terminate();
    },
  };
}

function parse(datagram: string): SyslogLine {
  const match = /^<([0-9]+)>([A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8}) ([^]*)$/.exec(datagram);
  if (match === null) throw new Error(`Not a syslog line: ${datagram}`);
  const priority = Number(match[1]);
  return { facility: priority & ~7, severity: priority & 7, time: match[2]!, text: match[3]! };
}
