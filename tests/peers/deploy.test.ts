/** The files of deploy/ as the programs read them that they are for. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkNrpe } from "../support/check_nrpe.ts";
import { startDaemon } from "../support/daemon.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { freePorts, isListening } from "../support/ports.ts";
import { makeRoom, type Room, ROOT } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

/** A file of deploy/ with this machine's paths in it, plain conversations and a port of its own. */
function adapted(path: string, config: string, port: number): string {
  return readFileSync(join(ROOT, "deploy", path), "latin1")
    .replaceAll("/usr/local/bin/nrpe", room.binary)
    .replaceAll("-c /etc/nagios/nrpe.cfg", `-n -c ${config}`)
    .replaceAll(/^(#?)nrpe stream/gm, `$1127.0.0.1:${port} stream`)
    .replaceAll("= 5666", `= ${port}\n\tbind = 127.0.0.1`);
}

async function serves(command: readonly string[], port: number): Promise<void> {
  const server = Bun.spawn([...command], { cwd: "/", stdio: ["ignore", "ignore", "ignore"] });
  try {
    await waitUntil(`${command[0]} listens`, () => isListening(port));
    expect(await checkNrpe(port, "-c", "ok")).toEqual({ status: 0, output: "fine\n" });
  } finally {
    server.kill();
    await server.exited;
  }
}

const CONFIG = "wait_idle_timeout=1\ncommand[ok]=echo fine\n";

describe.skipIf(peersMissing("checkNrpe", "inetd", "inetutilsInetd", "xinetd"))(
  "deploy/inetd",
  () => {
    test.each(["wait", "nowait"])("inetd.conf serves with %s", async (kind) => {
      for (const inetd of ["inetd", "inetutilsInetd"] as const) {
        const [port] = freePorts(1) as [number];
        const config = room.file("nrpe.cfg", CONFIG);
        const text = adapted("inetd/inetd.conf", config, port);
        const line = text.split("\n").find((one) => one.includes(`tcp ${kind}`))!.replace(/^#/, "");
        const file = room.file(`${inetd}.conf`, `${line}\n`);
        const command = inetd === "inetd"
          ? [PEERS.inetd.path, "-i", file]
          : [PEERS.inetutilsInetd.path, "-d", `-p${room.path}/inetd.pid`, file];
        await serves(command, port);
      }
    });

    test.each(["yes", "no"])("xinetd.nrpe serves with wait = %s", async (wait) => {
      const [port] = freePorts(1) as [number];
      const text = adapted("inetd/xinetd.nrpe", room.file("nrpe.cfg", CONFIG), port);
      const file = room.file("xinetd.conf", text.replace(/wait\t\t= yes/, `wait = ${wait}`));
      const pidFile = join(room.path, "xinetd.pid");
      await serves([PEERS.xinetd.path, "-dontfork", "-f", file, "-pidfile", pidFile], port);
    });
  },
);

describe.skipIf(peersMissing("systemdAnalyze", "agent"))("deploy/systemd", () => {
  test.each([false, true])(
    "systemd-analyze verify finds nothing wrong (hardened: %p)",
    (hardened) => {
      const names = readdirSync(join(ROOT, "deploy", "systemd"));
      const units = names.filter((name) => !name.endsWith(".conf"));
      const textOf = (name: string) =>
        readFileSync(join(ROOT, "deploy", "systemd", name), "latin1");
      for (const unit of units) {
        room.file(unit, textOf(unit).replaceAll("/usr/local/bin/nrpe", room.binary));
        if (!hardened || !unit.endsWith(".service")) continue;
        mkdirSync(join(room.path, `${unit}.d`));
        room.file(`${unit}.d/hardened.conf`, textOf("hardened.conf"));
      }
      const verify = Bun.spawnSync(
        [
          PEERS.systemdAnalyze.path,
          "verify",
          "--man=no",
          ...units.map((unit) => join(room.path, unit)),
        ],
        { env: { ...process.env, SYSTEMD_UNIT_PATH: `${room.path}:` } },
      );
      const said = verify.stderr.toString().split("\n").filter((line) => line.includes("nrpe"));
      expect(said).toEqual([]);
    },
  );
});

describe.skipIf(peersMissing("systemd"))("deploy/sysusers.d and deploy/tmpfiles.d", () => {
  test("make the user, and directories that only it may write to", () => {
    const root = join(room.path, "root");
    mkdirSync(join(root, "etc"), { recursive: true });
    const make = (program: string, ...args: readonly string[]) =>
      Bun.spawnSync([program, `--root=${root}`, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const users = make("systemd-sysusers", join(ROOT, "deploy/sysusers.d/nrpe.conf"));
    const files = make("systemd-tmpfiles", "--create", join(ROOT, "deploy/tmpfiles.d/nrpe.conf"));
    expect([users.exitCode, files.exitCode, files.stderr.toString()]).toEqual([0, 0, ""]);
    const passwd = readFileSync(join(root, "etc/passwd"), "utf8");
    const [, uid] = /^nagios:x:([0-9]+):\1:[^:]*:[^:]*:\/usr\/sbin\/nologin$/m.exec(passwd) ?? [];
    const owned = ["run/nagios", "var/lib/nrpe"].map((name) => {
      const { uid, mode } = statSync(join(root, name));
      return [uid, mode & 0o777];
    });
    expect(owned).toEqual([[Number(uid), 0o755], [Number(uid), 0o700]]);
  });
});

describe.skipIf(peersMissing("logrotate", "checkNrpe"))("deploy/logrotate.d", () => {
  test("moves the lines of a running agent aside, which logs on from the start of its file", async () => {
    await using daemon = await startDaemon(room, { config: "debug=1\ncommand[ok]=echo fine\n" });
    const [log] = /(?<=^log_file=).*/m.exec(readFileSync(daemon.config, "utf8"))!;
    const text = readFileSync(join(ROOT, "deploy/logrotate.d/nrpe"), "latin1");
    const config = room.file("logrotate.conf", text.replaceAll("/var/log/nrpe.log", log));
    const before = daemon.log();
    const rotate = Bun.spawnSync(
      [PEERS.logrotate.path, "-f", "-s", join(room.path, "logrotate.state"), config],
    );
    expect([rotate.exitCode, rotate.stderr.toString()]).toEqual([0, ""]);
    expect(readFileSync(`${log}.1`, "latin1")).toStartWith(before);
    expect(daemon.log()).toBe("");
    await checkNrpe(daemon.port, "-c", "ok");
    await daemon.logged(/Running command: echo fine/);
    expect(daemon.log()).not.toContain("\0");
  });
});

describe.skipIf(peersMissing("apparmorParser"))("deploy/apparmor", () => {
  test("apparmor_parser compiles the profile, which only complains", () => {
    const file = join(ROOT, "deploy/apparmor/nrpe");
    const { exitCode } = Bun.spawnSync([PEERS.apparmorParser.path, "-Q", "-K", file]);
    expect(exitCode).toBe(0);
    expect(readFileSync(file, "utf8")).toContain(" flags=(complain, ");
  });
});
