import { join, resolve } from "node:path";
import { makeRoom, type Room, ROOT } from "../../tests/support/room.ts";
import type { Said } from "../../tests/support/systemd.ts";
import { bootDebian, type Host } from "../boot/host.ts";
import { FLEET } from "./root.ts";

/** Where the files of deploy/ are on it, and the program with SHA256SUMS. */
export const DEPLOY = "/srv/deploy";
export const RELEASE = "/srv/release";

/** Variables of the role. */
export type Variables = Readonly<Record<string, unknown>>;

/** How a play has ended. */
export interface Played extends Said {
  /** How many tasks have changed something. */
  readonly changed: number;
}

/** A host that is its own controller and monitoring server. */
export interface Fleet extends Host {
  /** Runs the example's playbook on it, with arguments for ansible-playbook(1). */
  play(variables: Variables, ...args: readonly string[]): Promise<Played>;
  /** The same over a connection that sshd describes so, as SSH_CONNECTION. */
  playOver(connection: string, variables: Variables): Promise<Played>;
  /** Makes the host as it was at first. */
  reset(): Promise<void>;
}

const INVENTORY = `nrpe_agents:
  hosts:
    host:
      ansible_connection: local
      ansible_python_interpreter: /usr/bin/python3
      ansible_become: false
`;

/** What every play has, unless it says otherwise. */
const VARIABLES: Variables = {
  nrpe_binary_source: `${RELEASE}/nrpe`,
  nrpe_plugin_packages: [],
  nrpe_clients: ["192.0.2.10"],
  nrpe_clients_expected: { granted: ["192.0.2.10", "127.0.0.1"], denied: ["203.0.113.254"] },
  nrpe_commands: { plain: "/bin/echo plain", check_load: "/usr/lib/nagios/plugins/check_load" },
};

/**
 * Boots it.
 * @param deb A package of the agent, which becomes {@link RELEASE}/nrpe-one.deb there.
 */
export async function bootFleet(deb: string | undefined): Promise<Fleet> {
  const room = makeRoom();
  try {
    return await boot(room, deb);
  } catch (error) {
    room[Symbol.dispose]();
    throw error;
  }
}

async function boot(room: Room, deb: string | undefined): Promise<Fleet> {
  const host = await bootDebian(room, FLEET, [
    `mkdir -p .${DEPLOY} .${RELEASE}; mount --bind ${join(ROOT, "deploy")} .${DEPLOY}`,
    `mount -o remount,bind,ro .${DEPLOY}`,
    `: > .${RELEASE}/nrpe; mount --bind ${room.binary} .${RELEASE}/nrpe`,
    ...deb === undefined ? [] : [`cp ${resolve(deb)} .${RELEASE}/nrpe-one.deb`],
    `(cd .${RELEASE} && sha256sum nrpe* > SHA256SUMS)`,
  ]);
  const { run, file, sh } = host;
  // Of monitoring servers, of a host of the examples, and of somebody else.
  for (const address of ["192.0.2.10", "192.0.2.21", "203.0.113.254"]) {
    await sh(`ip address add ${address}/32 dev lo`);
  }
  await file("/srv/inventory.yml", INVENTORY);
  // What a check changes is found below /etc, in the agent's own places, or is a service.
  await sh("cp -a /etc /srv/etc");
  const play = async (
    variables: Variables,
    environment: readonly string[],
    args: readonly string[],
  ) => {
    await file("/srv/variables.json", JSON.stringify({ ...VARIABLES, ...variables }));
    const said = await run(
      ...["env", "-C", `${DEPLOY}/ansible`, "LC_ALL=C.UTF-8", "HOME=/root"],
      ...["ANSIBLE_PIPELINING=1", ...environment],
      ...["ansible-playbook", "-i", "/srv/inventory.yml", "-e", "@/srv/variables.json"],
      ...["site.yml", ...args],
    );
    return { ...said, changed: Number(/\bchanged=([0-9]+)/.exec(said.text)?.[1] ?? -1) };
  };
  return {
    ...host,
    play: (variables, ...args) => play(variables, [], args),
    playOver: (connection, variables) => play(variables, [`SSH_CONNECTION=${connection}`], []),
    reset: () =>
      sh(
        "systemctl stop nrpe.service nrpe-socket.socket nrpe-socket.service openbsd-inetd xinetd 2>&1 || :\n" +
          "! dpkg -s nrpe-one > /dev/null 2>&1 || dpkg --purge nrpe-one 2>&1\n" +
          "pkill -x nrpe || :\n" +
          "rm -rf /usr/local/bin/nrpe* /usr/sbin/nrpe /var/lib/nrpe /var/cache/nrpe-one\n" +
          "find /etc -mindepth 1 -maxdepth 1 ! -name hostname ! -name hosts ! -name resolv.conf " +
          "-exec rm -rf {} +; cp -a /srv/etc/. /etc\n" +
          "systemctl daemon-reload; systemctl reset-failed",
      ).then(() => {}),
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      room[Symbol.dispose]();
    },
  };
}
