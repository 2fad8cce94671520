import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { PEERS } from "./peers.ts";
import type { InetdKind } from "./inetd.ts";
import { makeRoom, type Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

/**
 * A host of a test's own: its /etc, /var/log, unit directories and network are seen by nothing else, so
 * that files and ports have their usual names.
 */
export interface Host extends AsyncDisposable {
  readonly room: Room;
  /** Writes a file of the host; undefined removes it. */
  write(path: string, content: string | undefined): void;
  read(path: string): string;
  /** Runs shell text on the host; returns its exit status and what it printed. */
  run(script: string): { readonly exit: number; readonly out: string; readonly err: string };
  /** Starts a program that stays until the host ends, and returns its pid. */
  start(script: string): number;
  /** Starts an inetd with its usual file, and waits until it listens on some ports. */
  startInetd(kind: InetdKind, ...ports: readonly number[]): Promise<number>;
  /** Waits until something listens on a port. */
  listening(port: number): Promise<void>;
  /** Ends the programs that were started, and gives the host the files that it began with. */
  reset(): Promise<void>;
}

/** Directories that are the host's own, and what they begin with. */
const OWN = { "/etc": "copy", "/var/log": "empty", "/usr/lib/systemd/system": "empty" } as const;

/** Those that tests write into; they begin empty. */
const WRITTEN = [
  ...["/etc/nagios", "/etc/xinetd.d", "/etc/systemd/system", "/usr/lib/systemd/system"],
  "/var/log",
];

/** Starts a host. */
export async function startHost(): Promise<Host> {
  const room = makeRoom();
  const mounts: string[] = [];
  const inside = (path: string) => {
    const own = Object.keys(OWN).find((directory) => path.startsWith(`${directory}/`));
    return own === undefined ? path : join(room.path, "host", path);
  };
  for (const [path, kind] of Object.entries(OWN)) {
    const own = join(room.path, "host", path);
    mkdirSync(dirname(own), { recursive: true });
    if (kind === "copy") cpSync(path, own, { recursive: true, verbatimSymlinks: true });
    else mkdirSync(own);
    if (existsSync(path)) mounts.push(`mount --bind ${own} ${path}`);
  }
  const empty = () => {
    for (const path of WRITTEN) {
      const own = path in OWN ? join(room.path, "host", path) : inside(path);
      mkdirSync(own, { recursive: true });
      for (const name of readdirSync(own)) rmSync(join(own, name), { recursive: true });
    }
  };
  empty();
  const ready = join(room.path, "ready");
  const script = `set -e\n${PEERS.ip.path} link set lo up\n${mounts.join("\n")}\n: > ${ready}\n` +
    "exec sleep infinity\n";
  const holder = Bun.spawn(["unshare", "-m", "-n", "sh", "-c", script], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const started: Bun.Subprocess[] = [];
  const enter = (script: string) => [
    ...["nsenter", "-t", String(holder.pid), "-m", "-n"],
    ...["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", script],
  ];
  const endStarted = async () => {
    const ended = started.splice(0);
    for (const process of ended) process.kill("SIGKILL");
    await Promise.all(ended.map((process) => process.exited));
  };
  const end = async () => {
    await endStarted();
    holder.kill("SIGKILL");
    await holder.exited;
    room[Symbol.dispose]();
  };
  const run = (script: string) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(enter(script), { cwd: "/" });
    return { exit: exitCode, out: stdout.toString("latin1"), err: stderr.toString("latin1") };
  };
  const start = (script: string) => {
    const process = Bun.spawn(enter(`exec ${script}`), {
      cwd: "/",
      stdio: ["ignore", "ignore", "ignore"],
    });
    started.push(process);
    return process.pid;
  };
  const listening = (port: number) => {
    const pattern = `:${port.toString(16).toUpperCase().padStart(4, "0")} 0[0-9A-F:]* 0A`;
    return waitUntil(
      `something listens on port ${port}`,
      () => run(`grep -q '${pattern}' /proc/net/tcp /proc/net/tcp6`).exit === 0,
    );
  };
  try {
    await waitUntil("the host is ready", () => {
      if (holder.exitCode !== null) throw new Error(`The host ended with ${holder.exitCode}`);
      return existsSync(ready);
    });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    room,
    write(path, content) {
      const file = inside(path);
      rmSync(file, { recursive: true, force: true });
      if (content === undefined) return;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    },
    read: (path) => readFileSync(inside(path), "latin1"),
    run,
    start,
    async startInetd(kind, ...ports) {
      const pid = start(
        {
          inetd: `${PEERS.inetd.path} -i`,
          inetutilsInetd: `${PEERS.inetutilsInetd.path} -d`,
          xinetd: `${PEERS.xinetd.path} -dontfork -f /etc/xinetd.conf`,
        }[kind],
      );
      for (const port of ports) await listening(port);
      return pid;
    },
    listening,
    async reset() {
      await endStarted();
      empty();
    },
    [Symbol.asyncDispose]: end,
  };
}
