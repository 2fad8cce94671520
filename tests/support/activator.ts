import { chmodSync } from "node:fs";
import { encodeBytes } from "../../lib/bytes.ts";
import { bindLibc, closeFile, lastErrno, SystemError } from "../../lib/system/libc.ts";
import { listenOn } from "../../lib/system/listen_socket.ts";
import type { Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

const libc = bindLibc({
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  getsockname: { args: ["i32", "buffer", "buffer"], returns: "i32" },
});

const AF_UNIX = 1;
const SOCK_STREAM_NONBLOCK = 1 | 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** How often connections are looked for, in milliseconds. */
const INTERVAL = 3;

/** A service manager's socket unit. */
export interface SocketUnit extends AsyncDisposable {
  /** The port of a TCP socket. */
  readonly port: number;
}

/** How a socket unit passes its socket on. */
export interface SocketUnitOptions {
  readonly accept: boolean;
  readonly notify?: string;
  /** Where a Unix socket is to be, instead of a TCP socket. */
  readonly path?: string;
}

/**
 * Passes sockets on as a service manager does, see sd_listen_fds(3): with `accept` each connection to a
 * process of its own, otherwise the listening socket to one process when a client connects, and again
 * after that one has ended.
 */
export function startSocketUnit(
  room: Room,
  args: readonly string[],
  { accept, notify, path }: SocketUnitOptions,
): SocketUnit {
  const listener = path === undefined ? listenOn([127, 0, 0, 1], 0, 128) : listenAt(path);
  const running = new Set<Bun.Subprocess>();
  const start = (fd: number) => {
    // LISTEN_PID must be the agent's own process id, which the shell has before it becomes the agent.
    const child = Bun.spawn(
      [
        "setpriv",
        "--reuid=nagios",
        "--regid=nagios",
        "--clear-groups",
        "sh",
        "-c",
        'LISTEN_PID=$$ exec "$0" "$@"',
        room.binary,
        ...args,
      ],
      {
        stdio: ["ignore", "ignore", "ignore", fd],
        env: {
          PATH: "/usr/bin:/bin",
          LISTEN_FDS: "1",
          ...(notify === undefined ? {} : { NOTIFY_SOCKET: notify }),
        },
        cwd: "/",
        onExit: () => void running.delete(child),
      },
    );
    running.add(child);
  };
  const look = setInterval(() => {
    if (!accept) {
      if (running.size === 0) start(listener);
      return;
    }
    for (let fd = acceptOne(listener); fd >= 0; fd = acceptOne(listener)) {
      start(fd);
      closeFile(fd);
    }
  }, INTERVAL);
  return {
    port: portOf(listener),
    async [Symbol.asyncDispose]() {
      clearInterval(look);
      for (const child of running) child.kill("SIGKILL");
      await waitUntil("the agents have ended", () => running.size === 0);
      closeFile(listener);
    },
  };
}

function acceptOne(listener: number): number {
  return libc.accept4(listener, null, null, SOCK_CLOEXEC);
}

function portOf(fd: number): number {
  const address = new Uint8Array(28);
  libc.getsockname(fd, address, new Uint32Array([address.byteLength]));
  return new DataView(address.buffer).getUint16(2);
}

/** Makes a Unix socket that listens, for every user. */
function listenAt(path: string): number {
  const fd = libc.socket(AF_UNIX, SOCK_STREAM_NONBLOCK | SOCK_CLOEXEC, 0);
  const address = new Uint8Array(110);
  new Uint16Array(address.buffer)[0] = AF_UNIX;
  address.set(encodeBytes(path), 2);
  if (libc.bind(fd, address, 2 + path.length + 1) !== 0 || libc.listen(fd, 128) !== 0) {
    throw new SystemError("bind", lastErrno(), path);
  }
  chmodSync(path, 0o666);
  return fd;
}
