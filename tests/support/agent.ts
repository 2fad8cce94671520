import { bindLibc, closeFile, Errno, lastErrno, SystemError } from "../../lib/system/libc.ts";

const libc = bindLibc({
  socketpair: { args: ["i32", "i32", "i32", "buffer"], returns: "i32" },
  send: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
});

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
/** How often the connection is looked at, in milliseconds. */
const INTERVAL = 2;

/** The agent as inetd starts it, with the other end of its connection in the test's hands. */
export interface Agent {
  readonly pid: number;
  /** @throws {SystemError} when the agent has closed the connection. */
  send(bytes: Uint8Array): void;
  /** Ends the sending direction of the connection. */
  endSending(): void;
  /** Waits until the agent closes the connection; returns all that it sent. */
  received(): Promise<Uint8Array>;
  readonly exited: Promise<number>;
}

/** Drops root, since the agent refuses to serve as root. */
const AS_NOBODY = process.getuid?.() === 0
  ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
  : [];

/**
 * Starts the agent on one end of a pair of sockets.
 * @param through What starts it; it is to become the agent.
 */
export function startAgent(
  binary: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = { PATH: "/usr/bin:/bin" },
  through: readonly string[] = AS_NOBODY,
): Agent {
  const ends = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, ends) !== 0) {
    throw new SystemError("socketpair", lastErrno());
  }
  const theirs = ends[1]!;
  let own = ends[0]!;
  const agent = Bun.spawn([...through, binary, ...args], {
    stdio: [theirs, theirs, theirs],
    env,
    cwd: "/",
  });
  closeFile(theirs);
  return {
    pid: agent.pid,
    send(bytes) {
      const count = libc.send(own, bytes, bytes.byteLength, MSG_NOSIGNAL);
      if (count !== bytes.byteLength) throw new SystemError("send", lastErrno());
    },
    endSending: () => void libc.shutdown(own, SHUT_WR),
    async received() {
      const parts: Uint8Array[] = [];
      for (const buffer = new Uint8Array(65536);;) {
        const count = libc.recv(own, buffer, buffer.byteLength, MSG_DONTWAIT);
        if (count > 0) parts.push(buffer.slice(0, count));
        else if (count === 0) break;
        else {
          const errno = lastErrno();
          if (errno === Errno.EAGAIN) await Bun.sleep(INTERVAL);
          else if (errno !== Errno.EINTR) break;
        }
      }
      closeFile(own);
      own = -1;
      return Buffer.concat(parts);
    },
    exited: agent.exited,
  };
}
