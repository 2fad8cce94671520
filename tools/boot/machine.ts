import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeRoom, type Room, ROOT } from "../../tests/support/room.ts";
import type { Said } from "../../tests/support/systemd.ts";
import { waitUntil } from "../../tests/support/wait_until.ts";
import { bootDebian, type Host } from "./host.ts";
import { UNITS_ROOT } from "./root.ts";

const UNITS = join(ROOT, "deploy", "systemd");
const SYSTEM = "/etc/systemd/system";
const CFG = "/etc/nagios/nrpe.cfg";

/** The three ways in which systemd starts the agent: the unit that is enabled, and the service. */
export const WAYS = [
  { entry: "nrpe.service", service: "nrpe.service" },
  { entry: "nrpe-socket.socket", service: "nrpe-socket.service" },
  { entry: "nrpe-each.socket", service: "nrpe-each@.service" },
] as const;
export type Way = typeof WAYS[number];

export const SOUND = `pid_file=/run/nagios/nrpe.pid
tls_state_file=/var/lib/nrpe/tls.pem
command[plain]=/bin/echo plain
command[sudo]=/usr/bin/sudo -n /usr/bin/id -u
command[ping]=/bin/ping -n -c 1 127.0.0.1
command[icmp]=/usr/lib/nagios/plugins/check_icmp -H 127.0.0.1 -n 1
command[slow]=/bin/sh -c "trap '' TERM; sleep 1000"
command[age]=/bin/echo old
`;

/** A host that has booted, with the agent, its user and its units. */
export interface Machine extends Host {
  check(command?: string): Promise<Said>;
  /** Writes lines into a drop-in, or takes it away, and has systemd read its files again. */
  dropIn(unit: string, lines: string | undefined): Promise<void>;
  /** Makes the host as it was at first. */
  reset(): Promise<void>;
}

/** Boots it. */
export async function bootMachine(): Promise<Machine> {
  const room = makeRoom();
  try {
    return await boot(room);
  } catch (error) {
    room[Symbol.dispose]();
    throw error;
  }
}

async function boot(room: Room): Promise<Machine> {
  const host = await bootDebian(room, UNITS_ROOT, [
    `: > usr/local/bin/nrpe; mount --bind ${room.binary} usr/local/bin/nrpe`,
  ]);
  const { file, sh } = host;
  const reset = async () => {
    await sh(
      "systemctl disable -q --now nrpe.service nrpe-socket.socket nrpe-each.socket 2>&1 || :\n" +
        "systemctl stop nrpe-socket.service 'nrpe-each@*' 2>&1 || :\n" +
        `rm -rf ${SYSTEM}/nrpe* ${SYSTEM}/*.wants/nrpe* /usr/lib/systemd/system/nrpe* /run/systemd/system/nrpe*\n` +
        "pkill -x perl || :; rm -rf /etc/hosts.*",
    );
    for (const name of readdirSync(UNITS).filter((name) => !name.endsWith(".conf"))) {
      await file(`${SYSTEM}/${name}`, readFileSync(join(UNITS, name), "latin1"));
    }
    await file(CFG, SOUND);
    await file("/etc/hosts.allow", "nrpe: 127.0.0.1, 192.0.2.10\n");
    await file("/etc/hosts.deny", "nrpe: ALL\n");
    await sh(
      "systemctl daemon-reload; systemctl reset-failed; journalctl -q --rotate --vacuum-time=1s",
    );
  };
  await sh("id nagios || useradd --system --shell /usr/sbin/nologin nagios");
  await file("/etc/sudoers.d/nagios", "nagios ALL=(ALL) NOPASSWD: /usr/bin/id\n", "440");
  await file("/etc/services", "ssh 22/tcp\nnrpe 5666/tcp\n");
  await reset();
  return {
    ...host,
    check: (command) => host.checkNrpe(...command === undefined ? [] : ["-c", command]),
    async dropIn(unit, lines) {
      const path = `${SYSTEM}/${unit}.d/test.conf`;
      if (lines === undefined) await sh(`rm -f ${path}`);
      else await file(path, lines);
      await sh("systemctl daemon-reload");
    },
    reset,
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      room[Symbol.dispose]();
    },
  };
}

/** Starts a way, enabled as after an installation. */
export async function enable({ sh }: Machine, { entry }: Way): Promise<void> {
  await sh(`systemctl enable -q --now ${entry}`);
}

/** Waits until a command of the host succeeds. */
export function succeeds({ run }: Pick<Host, "run">, script: string): Promise<void> {
  return waitUntil(script, async () => (await run("sh", "-c", script)).status === 0);
}
