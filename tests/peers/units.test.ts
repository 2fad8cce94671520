/** The units of deploy/systemd/, as they are, under a real systemd. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room, ROOT } from "../support/room.ts";
import { startSystemd, type Systemd } from "../support/systemd.ts";
import { waitUntil } from "../support/wait_until.ts";

const DIRECTORY = join(ROOT, "deploy", "systemd");
const HARDENED = readFileSync(join(DIRECTORY, "hardened.conf"), "latin1");
const UNITS = Object.fromEntries(
  readdirSync(DIRECTORY).filter((name) => !name.endsWith(".conf")).map((
    name,
  ) => [name, readFileSync(join(DIRECTORY, name), "latin1")]),
);

/**
 * Settings that imply NoNewPrivileges=yes where User= is set, see NoNewPrivileges= in systemd.exec(5),
 * and those that take rights away from what sudo starts.
 */
const HARMFUL = [
  "NoNewPrivileges",
  "DynamicUser",
  "LockPersonality",
  "MemoryDenyWriteExecute",
  "PrivateDevices",
  "ProtectClock",
  "ProtectHostname",
  "ProtectKernelLogs",
  "ProtectKernelModules",
  "ProtectKernelTunables",
  "RestrictAddressFamilies",
  "RestrictNamespaces",
  "RestrictRealtime",
  "RestrictSUIDSGID",
  "SystemCallArchitectures",
  "SystemCallFilter",
  "SystemCallLog",
  "CapabilityBoundingSet",
  "PrivateUsers",
  "SecureBits",
];

test.each(Object.keys(UNITS))("%s has no setting that keeps sudo from working", (name) => {
  const settings = [...UNITS[name]!.matchAll(/^([A-Za-z]+)=/gm)].map(([, setting]) => setting!);
  expect(settings).not.toBeEmpty();
  expect(settings.filter((setting) => HARMFUL.includes(setting))).toEqual([]);
});

const CONFIG = "/etc/nagios/nrpe.cfg";
const SOUND = `pid_file=/run/nagios/nrpe.pid
tls_state_file=/var/lib/nrpe/tls.pem
command[sudo]=/usr/bin/sudo -n /usr/bin/id -u
command[capable]=/usr/local/bin/capable CapEff /proc/self/status
command[confined]=/bin/grep NoNewPrivs /proc/self/status
command[load]=/usr/lib/nagios/plugins/check_load -w 99999 -c 99999
command[disk]=/usr/lib/nagios/plugins/check_disk -w 0 -c 0 -p /
command[processes]=/usr/lib/nagios/plugins/check_procs
command[writes]=touch /tmp/own && ! touch /var/lib/other 2>/dev/null && echo only its own
command[slow]=/bin/sleep 2; echo done
command[age]=echo old
`;
const BROKEN = "command_timeout=soon\n";

const missing = peersMissing("checkNrpe", "systemd", "sudo", "setcap", "ip", "pgrep");

describe.skipIf(missing)("under systemd", () => {
  let room: Room;
  let systemd: Systemd;

  beforeAll(async () => {
    room = makeRoom();
    const sudoers = room.file("sudoers", "nagios ALL=(ALL) NOPASSWD: ALL\n", 0o440);
    systemd = await startSystemd(room, UNITS, {
      "/usr/local/bin/nrpe": room.binary,
      "/etc/sudoers": sudoers,
      "/etc/hosts.allow": "/dev/null",
      "/etc/hosts.deny": "/dev/null",
      "/usr/local/bin/capable": "/bin/grep",
    });
    await systemd.run("setcap", "cap_net_raw+ep", "/usr/local/bin/capable");
    await systemd.file(CONFIG, SOUND);
  });

  afterAll(async () => {
    await systemd?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  const check = (command: string) =>
    systemd.run("/usr/lib/nagios/plugins/check_nrpe", "-H", "127.0.0.1", "-c", command);

  const control = async (...words: readonly string[]) => {
    const { status, text } = await systemd.run("systemctl", ...words);
    if (status !== 0) throw new Error(`systemctl ${words.join(" ")}: ${text}`);
  };

  /** Has a unit run while something is done. */
  const using = async (unit: string, act: () => Promise<void>) => {
    await control("start", unit);
    try {
      await act();
    } finally {
      await systemd.run("systemctl", "stop", "nrpe-socket.service", unit);
      await systemd.file(CONFIG, SOUND);
    }
  };

  test.each(["nrpe.service", "nrpe-socket.socket", "nrpe-each.socket"])(
    "%s lets plugins use sudo and file capabilities",
    (unit) =>
      using(unit, async () => {
        expect(await check("confined")).toEqual({ status: 0, text: "NoNewPrivs:\t0\n" });
        expect(await check("sudo")).toEqual({ status: 0, text: "0\n" });
        // CAP_NET_RAW, which an ICMP plugin has.
        expect(await check("capable")).toEqual({ status: 0, text: "CapEff:\t0000000000002000\n" });
      }),
  );

  describe.each([
    ["nrpe.service", "nrpe.service"],
    ["nrpe-socket.socket", "nrpe-socket.service"],
    ["nrpe-each.socket", "nrpe-each@.service"],
  ])("%s with hardened.conf", (unit, service) => {
    const dropIn = `/run/units/${service}.d/hardened.conf`;

    beforeAll(async () => {
      // A container may not let systemd make a private /dev.
      const setting = "PrivateDevices=yes";
      const { status } = await systemd.run("systemd-run", "--wait", "-qp", setting, "true");
      await systemd.file(dropIn, status === 0 ? HARDENED : HARDENED.replace(setting, ""));
      await systemd.run("systemctl", "daemon-reload");
    });

    afterAll(async () => {
      await systemd?.run("rm", dropIn);
      await systemd?.run("systemctl", "daemon-reload");
    });

    test("serves, and plugins gain no rights and change nothing", () =>
      using(unit, async () => {
        expect(await check("confined")).toEqual({ status: 0, text: "NoNewPrivs:\t1\n" });
        expect((await check("sudo")).text).not.toContain("0\n");
        // The kernel executes no file whose capabilities the bounding set has not.
        expect((await check("capable")).text).not.toContain("CapEff:\t0000000000002000");
        expect((await check("load")).text).toStartWith("LOAD OK");
        expect((await check("disk")).text).toStartWith("DISK OK");
        expect((await check("processes")).text).toStartWith("PROCS OK");
        expect((await check("writes")).text).toBe("only its own\n");
        if (unit === "nrpe-each.socket") return;
        await systemd.file(CONFIG, SOUND.replace("echo old", "echo new"));
        await control("reload", service);
        await waitUntil("the new command", async () => (await check("age")).text === "new\n");
      }));

    test("has the exposure that docs/SECURITY.md says, by systemd-analyze", async () => {
      const { text } = await systemd.run(
        ...["systemd-analyze", "security", "--no-pager", service.replace("@.", "@1.")],
      );
      expect(Number(/exposure level for \S+: ([0-9.]+)/.exec(text)?.[1])).toBeLessThan(2.2);
    });
  });

  test.each([["nrpe.service", "nrpe.service"], ["nrpe-socket.socket", "nrpe-socket.service"]])(
    "%s takes a reload, and lets a running check end at a stop",
    (unit, service) =>
      using(unit, async () => {
        expect((await check("age")).text).toBe("old\n");
        await systemd.file(CONFIG, SOUND.replace("echo old", "echo new"));
        await control("reload", service);
        await waitUntil("the new command", async () => (await check("age")).text === "new\n");
        const slow = check("slow");
        await waitUntil(
          "it runs",
          async () => (await systemd.run("pgrep", "-x", "sleep")).status === 0,
        );
        await control("stop", service);
        expect(await slow).toEqual({ status: 0, text: "done\n" });
      }),
  );

  test.each([["nrpe.service", "nrpe.service"], ["nrpe-socket.socket", "nrpe-socket.service"]])(
    "%s fails a reload with an error in nrpe.cfg, and serves as before",
    (unit, service) =>
      using(unit, async () => {
        expect((await check("age")).text).toBe("old\n");
        await systemd.file(CONFIG, BROKEN);
        expect((await systemd.run("systemctl", "reload", service)).status).not.toBe(0);
        expect((await check("age")).text).toBe("old\n");
      }),
  );

  test("nrpe.service writes its pid file where Debian's nrpe.cfg has it", () =>
    using("nrpe.service", async () => {
      const { text } = await systemd.run("systemctl", "show", "-P", "MainPID", "nrpe.service");
      expect(await systemd.run("cat", "/run/nagios/nrpe.pid")).toEqual({ status: 0, text });
    }));

  test("nrpe.service with an error in nrpe.cfg serves when the file is repaired", async () => {
    await systemd.file(CONFIG, BROKEN);
    expect((await systemd.run("systemctl", "start", "nrpe.service")).status).not.toBe(0);
    const restarts = () => systemd.run("systemctl", "show", "-P", "NRestarts", "nrpe.service");
    await waitUntil("it has been tried again", async () => Number((await restarts()).text) > 0);
    await systemd.file(CONFIG, SOUND);
    await waitUntil("it serves", async () => (await check("age")).text === "old\n");
    expect(Number((await restarts()).text)).toBeLessThan(4);
    await control("stop", "nrpe.service");
  });

  test("nrpe-socket.socket with an error in nrpe.cfg serves at the first check after the repair", async () => {
    await systemd.file(CONFIG, BROKEN);
    await using("nrpe-socket.socket", async () => {
      for (let time = 0; time < 10; time++) {
        expect((await check("age")).text).toContain("Could not connect");
      }
      expect((await systemd.run("systemctl", "is-active", "nrpe-socket.socket")).text)
        .toBe("active\n");
      await systemd.file(CONFIG, SOUND);
      expect(await check("age")).toEqual({ status: 0, text: "old\n" });
    });
  });

  /** The first problem of --doctor, which looks for units where hosts have them. */
  const firstProblem = async () => {
    const { text } = await systemd.run("/usr/local/bin/nrpe", "--doctor", "--json");
    const findings = text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
    const { code, fix } = findings.find(({ status }) => status === "problem") ?? {};
    return { code, fix };
  };

  test("--doctor names a unit that is stopped, and one that failed", async () => {
    const place = "/etc/systemd/system/nrpe.service";
    const command = "ExecStart=\nExecStart=/bin/false nrpe\n";
    const dropIn = `[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=no\n${command}`;
    await systemd.file(place, UNITS["nrpe.service"]!);
    await systemd.file("/etc/systemd/system/multi-user.target.wants/nrpe.service", "");
    expect(await firstProblem()).toEqual({
      code: "unit-stopped",
      fix: "systemctl start nrpe.service",
    });
    await systemd.file("/run/units/nrpe.service.d/fail.conf", dropIn);
    await control("daemon-reload");
    try {
      expect((await systemd.run("systemctl", "start", "nrpe.service")).status).not.toBe(0);
      expect(await firstProblem()).toEqual({
        code: "unit-failed",
        fix: "systemctl reset-failed nrpe.service; systemctl restart nrpe.service",
      });
    } finally {
      await systemd.run("rm", "-r", "/run/units/nrpe.service.d");
      await control("daemon-reload");
      await control("reset-failed", "nrpe.service");
    }
    await using("nrpe.service", async () => expect((await firstProblem()).code).toBeUndefined());
    await systemd.run(
      "rm",
      "-r",
      place,
      "/etc/systemd/system/multi-user.target.wants/nrpe.service",
    );
  });

  test("nrpe-each.socket is not closed for good when many clients come", () =>
    using("nrpe-each.socket", async () => {
      const limit = ["show", "-P", "TriggerLimitIntervalUSec", "nrpe-each.socket"];
      expect((await systemd.run("systemctl", ...limit)).text).toBe("0\n");
    }));
});
