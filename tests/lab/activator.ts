import { bindLibc, closeFile } from "../../lib/system/libc.ts";
import { listenOn } from "../../lib/system/listen_socket.ts";
import type { Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

const libc = bindLibc({
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  getsockname: { args: ["i32", "buffer", "buffer"], returns: "i32" },
});

const SOCK_CLOEXEC = 0o2000000;
/** How often connections are looked for, in milliseconds. */
const INTERVAL = 3;

/** A service manager's socket unit. */
export interface SocketUnit extends AsyncDisposable {
  readonly port: number;
}

/**
 * Passes sockets on as a service manager does, see sd_listen_fds(3): with `accept` each connection to a
 * process of its own, otherwise the listening socket to one process when somebody connects, and again
 * after that one has ended.
 */
export function startSocketUnit(
  room: Room,
  args: readonly string[],
  { accept, notify }: { readonly accept: boolean; readonly notify?: string },
): SocketUnit {
  const listener = listenOn([127, 0, 0, 1], 0, 128);
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
