/** What the agent's process and its plugins may do, in every mode. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, statSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../support/ask.ts";
import { startDaemon } from "../support/daemon.ts";
import { tracingMissing } from "../support/faults.ts";
import { startInetd } from "../support/inetd.ts";
import { type Modes, startModes } from "../support/modes.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makePki } from "../support/pki.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { perlStarter } from "../support/starter.ts";

const missing = peersMissing("inetd", "plugins");
const noTracing = tracingMissing();

let room: Room;

beforeEach(() => {
  room = makeRoom();
  // An agent that nagios starts makes its files there.
  chownSync(room.path, NAGIOS, NAGIOS);
});

afterEach(() => room[Symbol.dispose]());

/** nagios, as whom the agent serves. */
const NAGIOS = Number(Bun.spawnSync(["id", "-u", "nagios"]).stdout.toString());

/** What proc(5) says of the rights of the plugin, of the agent, and of all threads of the agent. */
const STATUS = 'grep -hE "^(Cap(Inh|Prm|Eff|Amb|Bnd)|NoNewPrivs):"';
const COMMANDS = `command_timeout=60
command[plugin]=${STATUS} /proc/self/status
command[agent]=${STATUS} /proc/$PPID/status
command[threads]=cat /proc/$PPID/task/*/status | grep -E "^Cap(Inh|Prm|Eff|Amb):" | sort -u
command[owner]=stat -c %u /proc/$PPID/maps /proc/self/maps
command[limits]=ulimit -c; umask
`;

/** Starts agents as nagios with a capability that plugins would inherit. */
const AMBIENT = ["/usr/bin/setpriv", "--reuid=nagios", "--regid=nagios", "--clear-groups"]
  .concat("--inh-caps=+net_raw", "--ambient-caps=+net_raw");

const NONE = "0000000000000000";
/** The bounding set of this machine, which the agent's is by default. */
const BOUNDING = statusLines(Bun.spawnSync(["cat", "/proc/self/status"]).stdout.toString()).CapBnd!;

function statusLines(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/^(\w+):\t(\w+)$/gm)].map(([, name, value]) => [
    name!,
    value!,
  ]));
}

/** Asks for a command in every mode; returns the answers by the modes. */
async function askAll({ ports }: Modes, command: string): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const [mode, port] of ports) {
    answers[mode] = (await ask(port, command, mode.endsWith("TLS") ? { tls: {} } : {})).text;
  }
  return answers;
}

const WITHOUT = { CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapAmb: NONE };

describe.skipIf(missing)("the agent and its plugins have no capabilities", () => {
  test("in any mode, plugins keep the bounding set, and cannot read an agent with keys", async () => {
    await using modes = await startModes(room, { config: COMMANDS });
    for (const command of ["agent", "plugin"]) {
      for (const [mode, text] of Object.entries(await askAll(modes, command))) {
        expect<unknown>({ command, mode, ...statusLines(text) })
          .toEqual({ command, mode, ...WITHOUT, CapBnd: BOUNDING, NoNewPrivs: "0" });
      }
    }
    // Files in /proc of a process that may not be dumped are root's: no plugin can read its memory.
    for (const [mode, text] of Object.entries(await askAll(modes, "owner"))) {
      const hasKeys = mode.endsWith("TLS") || mode.startsWith("daemon");
      if (hasKeys) expect({ mode, text }).toEqual({ mode, text: `0\n${NAGIOS}` });
    }
  });

  test("where the starter leaves ambient ones, and the log says so", async () => {
    await using modes = await startModes(room, {
      config: COMMANDS,
      within: AMBIENT,
      activation: false,
    });
    for (const command of ["threads", "plugin"]) {
      for (const [mode, text] of Object.entries(await askAll(modes, command))) {
        expect({ command, mode, ...statusLines(text) }).toMatchObject({
          command,
          mode,
          ...WITHOUT,
        });
        if (command === "threads") expect(text.split("\n")).toHaveLength(4);
      }
    }
    expect(modes.log()).toContain(
      "Warning: The agent was started with capabilities (permitted 0000000000002000, inheritable " +
        "0000000000002000, ambient 0000000000002000) and gives them up: plugins get none of them",
    );
  });

  test("where root leaves inheritable ones", async () => {
    const within = ["/usr/bin/setpriv", "--inh-caps=+net_raw,+sys_admin"];
    await using daemon = await startDaemon(room, { config: COMMANDS, within });
    for (const command of ["agent", "plugin"]) {
      expect(statusLines((await ask(daemon.port, command)).text)).toMatchObject(WITHOUT);
    }
  });

  test("or the agent does not start, where the starter's securebits keep them", async () => {
    const within = ["/usr/bin/setpriv", "--securebits=+no_setuid_fixup"];
    const log = await startDaemon(room, { config: COMMANDS, within }).then(async (daemon) => {
      await using ending = daemon;
      expect(await ending.exited).toBe(2);
      return daemon.log();
    }, (error: Error) => error.message);
    expect(log).toContain("Cannot give up root's rights for good");
  });
});

describe.skipIf(missing)("no_new_privs=1", () => {
  test("holds for the agent and its plugins in every mode", async () => {
    await using modes = await startModes(room, { config: `no_new_privs=1\n${COMMANDS}` });
    for (const command of ["agent", "plugin"]) {
      for (const [mode, text] of Object.entries(await askAll(modes, command))) {
        const { NoNewPrivs, CapBnd } = statusLines(text);
        // Only root may empty the bounding set.
        const bounding = mode.startsWith("daemon") ? NONE : BOUNDING;
        expect({ command, mode, NoNewPrivs, CapBnd })
          .toEqual({ command, mode, NoNewPrivs: "1", CapBnd: bounding });
      }
    }
  });

  test("counts from a reload on, and is not taken back by one", async () => {
    await using daemon = await startDaemon(room, { config: COMMANDS });
    const confined = async () =>
      statusLines((await ask(daemon.port, "plugin")).text).NoNewPrivs === "1";
    expect(await confined()).toBe(false);
    daemon.configure(`no_new_privs=1\n${COMMANDS}`);
    daemon.signal("SIGHUP");
    await daemon.logged(/restarting[^]*Access tables|restarting[^]*TLS/);
    expect(await confined()).toBe(true);
    daemon.configure(COMMANDS);
    daemon.signal("SIGHUP");
    await daemon.logged(/Warning: no_new_privs=0 counts from the next start on/);
    expect(await confined()).toBe(true);
  });

  test.skipIf(noTracing)("keeps the agent from serving where the kernel refuses it", async () => {
    const config = room.file("nrpe.cfg", `no_new_privs=1\n${COMMANDS}`);
    const strace = [PEERS.strace.path, "-f", "-qq", "-o", "/dev/null", "-e", "trace=prctl"];
    const argv = [...strace, "-e", "inject=prctl:error=EPERM", room.binary, "-n", "-c", config];
    await using inetd = await startInetd(room, [
      { user: "nagios", program: PEERS.strace.path, argv: [...argv, "--inetd"] },
    ]);
    await expect(ask(inetd.ports[0]!, "plugin")).rejects.toThrow();
    await inetd.syslog.until(/PR_SET_NO_NEW_PRIVS\): Operation not permitted/);
  });
});

describe.skipIf(missing)("the agent", () => {
  test("warns once at its start if others may change its files or read its key", async () => {
    const include = room.file("include.cfg", COMMANDS, 0o666);
    await using daemon = await startDaemon(room, { config: `include=${include}\n` });
    const warning =
      `Warning: every user may change ${include}: nrpe --check-config says what to do`;
    expect(daemon.log().split(warning)).toHaveLength(2);
    chmodSync(include, 0o644);
    const pki = makePki(room);
    const tls = `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n`;
    await using other = await startDaemon(room, { config: tls + COMMANDS, args: [] });
    expect(other.log()).toContain(
      `Warning: every user may read the private key in ${pki.server.key}: nrpe --check-config says`,
    );
  });

  test("gives plugins the starter's limit of core files and its umask", async () => {
    const starter = perlStarter(room, "umask(027);");
    const argv = ["nrpe", "-c", room.file("nrpe.cfg", COMMANDS), "--inetd"];
    await using inetd = await startInetd(room, [
      { user: "nagios", program: starter, argv },
      { user: "nagios", program: starter, argv, wait: true },
    ]);
    const core = Bun.spawnSync(["sh", "-c", "ulimit -c"]).stdout.toString();
    for (const port of inetd.ports) {
      expect((await ask(port, "limits", { tls: {} })).text).toBe(`${core}0027`);
    }
  });

  test.each(["000", "077"])("makes its files with their modes under umask %s", async (umask) => {
    const files = "tls_state_file=DIR/state\nmetrics_file=DIR/metrics\n".replaceAll(
      "DIR",
      room.path,
    );
    await using daemon = await startDaemon(room, {
      config: files + COMMANDS,
      args: [],
      before: `umask ${umask}`,
    });
    await ask(daemon.port, "limits", { tls: {} });
    const mode = (name: string) => (statSync(join(room.path, name)).mode & 0o777).toString(8);
    const base = daemon.config.slice(daemon.config.lastIndexOf("/") + 1).replace(/\.cfg$/, "");
    expect({
      log: mode(`${base}.log`),
      pid: mode(`${base}.pid`),
      state: mode("state"),
      metrics: mode("metrics"),
    }).toEqual({ log: "640", pid: "644", state: "600", metrics: "644" });
  });
});
