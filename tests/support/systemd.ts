import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "./peers.ts";
import { childrenOf } from "./processes.ts";
import type { Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

/** What a command has said and how it ended. */
export interface Said {
  readonly status: number;
  /** Its standard output and error. */
  readonly text: string;
}

/**
 * A real systemd in namespaces of its own: with processes, a network and control groups that are only
 * its own, and all files of this machine, of which it and its services change only a copy. /usr cannot
 * be changed, except an empty /usr/local/bin.
 */
export interface Systemd extends AsyncDisposable {
  /** Runs a command there, as root. */
  run(...command: readonly string[]): Promise<Said>;
  /** Starts a command there. */
  start(...command: readonly string[]): Bun.Subprocess<"ignore", "pipe", "inherit">;
  /** Writes a file there. */
  file(path: string, content: string, mode?: string): Promise<void>;
}

/** Targets that units depend on by default; those of this machine would start its services. */
const TARGETS = ["sysinit", "basic", "sockets", "shutdown", "multi-user"];

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

/**
 * Boots it.
 * @param units Unit files by their names; it has no others.
 * @param files Files of this machine that it is to have in other places, by these.
 */
export function startSystemd(
  room: Room,
  units: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
): Promise<Systemd> {
  const unitDirectory = join(room.path, "units");
  mkdirSync(unitDirectory);
  for (const [name, text] of Object.entries(units)) room.file(join("units", name), text);
  for (const target of TARGETS) {
    room.file(`units/${target}.target`, "[Unit]\nDefaultDependencies=no\n");
  }
  return bootSystemd(room, "/", {
    prepare: [
      // What is mounted on a directory of the lower layer is not seen in the overlay.
      "cp -a /etc/. etc; mount --rbind /usr usr; mount -o remount,bind,ro usr",
      "mount -t tmpfs -o mode=755 local usr/local/bin; mkdir run/units",
      `cp ${unitDirectory}/* run/units`,
      ...Object.entries(files).map(([to, from]) => `mkdir -p .$(dirname ${to}); cp ${from} .${to}`),
    ],
    environment: ["SYSTEMD_UNIT_PATH=/run/units"],
    arguments: ["--log-target=null", "--unit=basic.target"],
    target: "basic.target",
  });
}

/** What a systemd is booted with. */
export interface BootOptions {
  /** Lines of shell text that complete its root, which is the working directory. */
  readonly prepare: readonly string[];
  readonly environment: readonly string[];
  readonly arguments: readonly string[];
  /** The unit that is active when it has booted. */
  readonly target: string;
}

/**
 * Boots a systemd in namespaces of its own, on a copy of a root directory that is gone with it.
 * @throws {Error} when it ends, or does not come up.
 */
export async function bootSystemd(
  room: Room,
  root: string,
  { prepare, environment, arguments: options, target }: BootOptions,
): Promise<Systemd> {
  const own = join(room.path, "systemd");
  mkdirSync(own);
  const script = [
    "set -e",
    `mount -t tmpfs over ${own}; cd ${own}; mkdir up work root`,
    `mount -t overlay overlay -o lowerdir=${root},upperdir=${own}/up,workdir=${own}/work root`,
    "cd root; mount -t proc proc proc; mount -t sysfs -o ro sysfs sys",
    "mount -t cgroup2 cgroup2 sys/fs/cgroup; mount -t tmpfs -o mode=755 run run",
    "mount -t tmpfs -o mode=755 dev dev; mkdir dev/shm dev/pts; ln -s pts/ptmx dev/ptmx",
    ...DEVICES.map((name) => `: > dev/${name}; mount --bind /dev/${name} dev/${name}`),
    ...prepare,
    "ip link set lo up",
    `exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test ` +
    `${environment.join(" ")} ${PEERS.systemd.path} ${options.join(" ")}`,
  ];
  // They end with this process, however it ends.
  const ending = ["setpriv", "--pdeathsig", "KILL"];
  const unshare = Bun.spawn(
    [...ending, "unshare", "-pmuinC", "--kill-child", "--fork", "sh", "-c", script.join("\n")],
    { stdio: ["ignore", "ignore", "inherit"], cwd: "/" },
  );
  const end = async () => {
    unshare.kill("SIGKILL");
    await unshare.exited;
  };
  let pid = 0;
  const start = (...command: readonly string[]) =>
    Bun.spawn(["nsenter", "-t", String(pid), "-a", "-r", "-w", ...command], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    });
  const run = async (...command: readonly string[]) => {
    const process = start("sh", "-c", 'exec "$@" 2>&1', "sh", ...command);
    const text = await process.stdout.text();
    return { status: await process.exited, text };
  };
  try {
    await waitUntil("systemd has booted", async () => {
      if (unshare.exitCode !== null) throw new Error(`It ended with ${unshare.exitCode}`);
      [pid = 0] = childrenOf(unshare.pid);
      if (pid === 0 || !readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("/")) {
        return false;
      }
      return (await run("systemctl", "is-active", target)).text === "active\n";
    });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    run,
    start,
    async file(path, content, mode = "644") {
      const from = room.file("content", content);
      const put =
        'mkdir -p "$(dirname "$1")"; cat > "$1.new"; chmod "$2" "$1.new"; mv "$1.new" "$1"';
      const cat = Bun.spawn(
        ["nsenter", "-t", String(pid), "-a", "-r", "-w", "sh", "-c", put, "sh", path, mode],
        { stdio: [Bun.file(from), "inherit", "inherit"] },
      );
      if (await cat.exited !== 0) throw new Error(`Cannot write ${path}`);
    },
    [Symbol.asyncDispose]: end,
  };
}
