import { join } from "node:path";
import { privateDev } from "./inetd.ts";
import { childrenOf } from "./processes.ts";
import { type Room, ROOT } from "./room.ts";
import { listenAsSyslog, type Syslog } from "./syslog.ts";
import type { Said } from "./systemd.ts";
import { waitUntil } from "./wait_until.ts";

/**
 * A host in namespaces of its own, with processes, a network and /etc, /run and /usr/local/bin that are
 * only its own: its address is 192.0.2.1, HOST in /etc/hosts; what connects to it there comes from
 * 192.0.2.10. The tables and inetd.conf are empty, no inetd runs, and the agent is /usr/local/bin/nrpe.
 */
export interface InetdHost extends AsyncDisposable {
  readonly syslog: Syslog;
  /** Runs a command there, in the checkout, as root. */
  run(...command: readonly string[]): Promise<Said>;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/nagios/plugins";

/** Sets one up. */
export async function startInetdHost(room: Room): Promise<InetdHost> {
  const syslog = listenAsSyslog(join(room.path, "log.sock"));
  const script = [
    "set -e",
    "ip link set lo up",
    "for last in 1 10; do ip address add 192.0.2.$last/32 dev lo; done",
    "ip route change table local local 192.0.2.1 dev lo src 192.0.2.10",
    privateDev(room, syslog),
    `mkdir ${room.path}/etc; mount -t tmpfs -o mode=755 etc ${room.path}/etc`,
    `cp -a /etc/. ${room.path}/etc; mount --rbind ${room.path}/etc /etc`,
    "mount -t tmpfs -o mode=755 run /run; mkdir /run/nagios; chown nagios: /run/nagios",
    "mount -t tmpfs -o mode=755 local /usr/local/bin",
    `: > /usr/local/bin/nrpe; mount --bind ${room.binary} /usr/local/bin/nrpe`,
    "for file in hosts.allow hosts.deny inetd.conf; do : > /etc/$file; done",
    "printf '127.0.0.1 localhost\\n192.0.2.1 HOST\\n192.0.2.10 server\\n' > /etc/hosts",
    // The shell reaps what is left to it.
    "cd /; : > /run/up; while :; do sleep 0.2; done",
  ].join("\n");
  const unshare = Bun.spawn(
    ["unshare", "-mnpuif", "--mount-proc", "--kill-child", "sh", "-c", script],
    { stdio: ["ignore", "ignore", "inherit"], env: { PATH }, cwd: "/" },
  );
  const end = async () => {
    unshare.kill("SIGKILL");
    await unshare.exited;
    syslog[Symbol.dispose]();
  };
  let pid = 0;
  const run = async (...command: readonly string[]) => {
    const process = Bun.spawn(
      ["nsenter", "-t", String(pid), "-m", "-n", "-p", "-u", "-i", "-r", `-w${ROOT}`, "sh", "-c"]
        .concat('exec "$@" 2>&1', "sh", command),
      { stdio: ["ignore", "pipe", "inherit"], env: { PATH, HOME: "/root", LC_ALL: "C" } },
    );
    const text = await process.stdout.text();
    return { status: await process.exited, text };
  };
  try {
    await waitUntil("the host is up", async () => {
      if (unshare.exitCode !== null) throw new Error(`It ended with ${unshare.exitCode}`);
      [pid = 0] = childrenOf(unshare.pid);
      return pid !== 0 && (await run("test", "-e", "/run/up")).status === 0;
    });
  } catch (error) {
    await end();
    throw error;
  }
  return { syslog, run, [Symbol.asyncDispose]: end };
}
