/** The log in JSON, the summary of each conversation, and the figures for Prometheus. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { ask, open as connectTo } from "../support/ask.ts";
import { type DaemonOptions, startDaemon } from "../support/daemon.ts";
import { parseExposition, type Samples } from "../support/exposition.ts";
import { startInetd } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import type { SyslogLine } from "../support/syslog.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("inetd");

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

/** nagios, as whom the agent serves. */
const NAGIOS = Number(Bun.spawnSync(["id", "-u", "nagios"]).stdout.toString());

/** A directory that the agent's user can write to. */
function writable(name: string): string {
  const directory = join(room.path, name);
  mkdirSync(directory);
  chownSync(directory, NAGIOS, NAGIOS);
  return directory;
}

const FILES = { "/etc/hosts.allow": "nrpe: 127.0.0.1\n", "/etc/hosts.deny": "ALL: ALL\n" };
const COMMANDS = "command[ok]=echo fine\ncommand[bad]=echo no; exit 2\n";

interface JsonLine extends Record<string, unknown> {
  readonly message: string;
}

/** The lines of a log in JSON; each has what all of them have. */
function parseLog(lines: readonly string[]): readonly JsonLine[] {
  return lines.map((text) => {
    const line = JSON.parse(text);
    expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(line.time) - Date.now())).toBeLessThan(200_000);
    expect(line.severity).toMatch(/^(err|warning|notice|info|debug)$/);
    expect(line.pid).toBeInteger();
    expect(line.message).toBeString();
    return line;
  });
}

const ofAgent = (lines: readonly SyslogLine[]) =>
  lines.filter(({ text }) => text.startsWith("nrpe["))
    .map(({ text }) => text.replace(/^nrpe\[[0-9]+\]: /, ""));

describe.skipIf(missing)("a log in JSON", () => {
  test.each([
    { wait: false, tls: false },
    { wait: false, tls: true },
    { wait: true, tls: false },
    { wait: true, tls: true },
  ])("has an object a line, and with log_summary a summary, under inetd with %o", async (mode) => {
    const config = room.file("nrpe.cfg", `log_format=json\nlog_summary=1\n${COMMANDS}`);
    const argv = ["nrpe", ...mode.tls ? [] : ["-n"], "-c", config, "-i"];
    const service = { user: "nagios", program: room.binary, argv, wait: mode.wait };
    await using inetd = await startInetd(room, [service], { files: FILES });
    const asking = mode.tls ? { tls: {} } : {};
    expect(await ask(inetd.ports[0]!, "bad", asking)).toMatchObject({ code: 2, text: "no" });
    const lines = parseLog(ofAgent(await inetd.syslog.until(/Summary/)));
    expect(lines).toContainEqual(
      expect.objectContaining({
        message: "connect from 127.0.0.1 (127.0.0.1)",
        severity: "info",
        client: "127.0.0.1",
      }),
    );
    const summary = lines.find(({ message }) => message.startsWith("Summary: "))!;
    expect(summary).toMatchObject({
      severity: "info",
      client: "127.0.0.1",
      rule: "/etc/hosts.allow:1",
      tls: mode.tls ? "TLSv1.3" : null,
      result: "answered",
      version: 4,
      command: "bad",
      state: "CRITICAL",
      milliseconds: expect.any(Number),
      bytes: 19,
    });
    await expect(ask(inetd.ports[0]!, "ok", { from: "127.0.0.2" })).rejects.toThrow();
    const refused = parseLog(ofAgent(await inetd.syslog.until(/refused/)));
    // A wait service loads the rest of the agent after its first client, and logs what that says.
    expect(refused.filter(({ client }) => client !== undefined)).toEqual([
      expect.objectContaining({
        message: "refused connect from 127.0.0.2 (127.0.0.2)",
        severity: "warning",
        client: "127.0.0.2",
      }),
    ]);
  });

  test("is the log file of a daemon from its start to its end", async () => {
    const config = `log_format=json\nlog_summary=1\ndebug=1\nallowed_hosts=127.0.0.1\n${COMMANDS}`;
    await using daemon = await startDaemon(room, { config, files: FILES });
    await ask(daemon.port, "ok");
    await expect(ask(daemon.port, "ok", { from: "127.0.0.2" })).rejects.toThrow();
    daemon.signal("SIGHUP");
    await daemon.logged(/Caught SIGHUP/);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    const lines = parseLog(daemon.log().trimEnd().split("\n"));
    const messages = lines.map(({ message }) => message);
    expect(messages).toContain("Starting up daemon");
    expect(messages.at(-1)).toBe("Daemon shutdown");
    expect(lines).toContainEqual(
      expect.objectContaining({
        message: "Host 127.0.0.2 is not allowed to talk to us!",
        client: "127.0.0.2",
      }),
    );
    expect(lines.filter(({ message }) => message.startsWith("Summary"))).toHaveLength(1);
  });

  test("is what an agent that cannot start prints and logs", () => {
    const config = room.file(
      "nrpe.cfg",
      `command_timeout=soon\nlog_file=${room.path}/log\nlog_format=json\n`,
    );
    const { stderr, exitCode } = Bun.spawnSync([room.binary, "-n", "-c", config, "-f"]);
    expect(exitCode).toBe(2);
    for (const text of [stderr.toString(), readFileSync(join(room.path, "log"), "latin1")]) {
      const lines = parseLog(text.trimEnd().split("\n"));
      expect(lines.at(-1)!.message).toEndWith("contained errors, aborting...");
    }
  });

  test("cannot be forged by a client, and stays one line of ASCII", async () => {
    const config = `log_format=json\nlog_summary=1\ndebug=1\nnasty_metachars=|\n${COMMANDS}`;
    await using daemon = await startDaemon(room, { config });
    const name = 'x","severity":"debug\n\x1b[31m\x7f\xc2\x9b \\ ' + "y".repeat(5000);
    expect((await ask(daemon.port, name)).code).toBe(3);
    await daemon.logged(/Summary/);
    expect(daemon.log()).toMatch(/^[\x20-\x7e\n]*$/);
    const lines = parseLog(daemon.log().trimEnd().split("\n"));
    const summary = lines.find(({ message }) => message.startsWith("Summary"))!;
    expect(summary.command).toStartWith('x","severity":"debug??[31m??? \\ yyy');
    expect(summary.severity).toBe("info");
  });
});

describe.skipIf(missing)("log_summary", () => {
  test("is off by default, and one line of words in a text log", async () => {
    const silent = await startDaemon(room, { config: COMMANDS });
    await ask(silent.port, "ok");
    silent.signal("SIGTERM");
    await silent.exited;
    expect(silent.log()).not.toContain("Summary");
    const config = `log_summary=1\nconnection_timeout=1\n${COMMANDS}`;
    await using daemon = await startDaemon(room, {
      config,
      files: { "/etc/hosts.allow": "", "/etc/hosts.deny": "" },
    });
    const summaries = () => daemon.log().match(/Summary: .*/g) ?? [];
    await ask(daemon.port, "ok", { version: 2 });
    await ask(daemon.port, "not there");
    await expect(ask(daemon.port, "ok;id")).rejects.toThrow();
    await expect(ask(daemon.port, "ok", { tls: {} })).rejects.toThrow();
    (await connectTo(daemon.port)).destroy();
    await waitUntil("all are summed up", () => summaries().length === 5);
    const known = summaries().map((line) => line.replace(/milliseconds=\d+/, "milliseconds=N"));
    const none = "version=- command=- state=- milliseconds=N bytes=0";
    const plain = "Summary: client=127.0.0.1 rule=- tls=-";
    expect(known).toEqual([
      `${plain} result=answered version=2 command=ok state=OK milliseconds=N bytes=1036`,
      `${plain} result=answered version=4 command="not there" state=UNKNOWN milliseconds=N bytes=54`,
      `${plain} result="invalid query" ${none}`,
      `${plain} result="invalid query" ${none}`,
      `${plain} result="no query" ${none}`,
    ]);
  });
});

describe.skipIf(missing)("metrics_file", () => {
  const read = (path: string): Samples => parseExposition(readFileSync(path, "utf8"));
  const count = (samples: Samples, name: string, label: string) =>
    samples.get(`nrpe_${name}_total{${label}}`);

  async function start(path: string, options: Partial<DaemonOptions> = {}) {
    const { config = "", ...rest } = options;
    const daemon = await startDaemon(room, {
      config: `metrics_file=${path}\n${COMMANDS}${config}`,
      ...rest,
    });
    return daemon;
  }

  test("holds the figures of a daemon from its start to its end, for every user", async () => {
    const directory = writable("collector");
    const path = join(directory, "nrpe.prom");
    const config = "allowed_hosts=127.0.0.1,127.0.0.3,127.0.0.4\nmax_connections_per_source=1\n" +
      "max_commands=1\ncommand[slow]=sleep 1000\ncommand_timeout=1000\nshutdown_timeout=1\n";
    const files = {
      "/etc/hosts.allow": "nrpe: ALL EXCEPT 127.0.0.3\n",
      "/etc/hosts.deny": "ALL: ALL\n",
    };
    await using daemon = await start(path, { config, files, before: "umask 077" });
    await waitUntil("the file is there", () => readdirSync(directory).includes("nrpe.prom"));
    const first = read(path);
    expect(count(first, "conversations", 'outcome="answered"')).toBe(0);
    expect(statSync(path).mode & 0o7777).toBe(0o644);
    await ask(daemon.port, "ok");
    await ask(daemon.port, "bad");
    await expect(ask(daemon.port, "ok;id")).rejects.toThrow();
    await expect(ask(daemon.port, "ok", { from: "127.0.0.2" })).rejects.toThrow();
    await expect(ask(daemon.port, "ok", { from: "127.0.0.3" })).rejects.toThrow();
    const pending = [
      ask(daemon.port, "slow").catch(() => {}),
      ask(daemon.port, "slow", { from: "127.0.0.4" }).catch(() => {}),
    ];
    const reread = () => {
      daemon.signal("SIGHUP");
      return read(path);
    };
    await waitUntil(
      "one command runs and one waits",
      async () => {
        const now = reread();
        await Bun.sleep(20);
        return now.get("nrpe_commands_running") === 1 && now.get("nrpe_commands_waiting") === 1;
      },
    );
    await expect(ask(daemon.port, "ok")).rejects.toThrow();
    await waitUntil("all are counted", async () => {
      await Bun.sleep(20);
      return count(reread(), "refusals", 'reason="max_connections_per_source"') === 1;
    });
    const now = read(path);
    expect(now.get("nrpe_connections_open")).toBe(2);
    expect(Object.fromEntries([...now].filter(([name]) => name.includes("_total")))).toEqual({
      'nrpe_conversations_total{outcome="answered"}': 2,
      'nrpe_conversations_total{outcome="no_query"}': 0,
      'nrpe_conversations_total{outcome="invalid_query"}': 1,
      'nrpe_conversations_total{outcome="no_tls"}': 0,
      'nrpe_conversations_total{outcome="refused"}': 3,
      'nrpe_conversations_total{outcome="failed"}': 0,
      'nrpe_refusals_total{reason="allowed_hosts"}': 1,
      'nrpe_refusals_total{reason="access_tables"}': 1,
      'nrpe_refusals_total{reason="max_connections"}': 0,
      'nrpe_refusals_total{reason="max_connections_per_source"}': 1,
      'nrpe_refusals_total{reason="too_many_undecided"}': 0,
    });
    expect(now.get("nrpe_command_duration_seconds_count")).toBe(2);
    daemon.signal("SIGTERM");
    await Promise.all(pending);
    expect(await daemon.exited).toBe(0);
    const last = read(path);
    expect(last.get("nrpe_connections_open")).toBe(0);
    expect(count(last, "conversations", 'outcome="answered"')).toBe(4);
    expect(readdirSync(directory)).toEqual(["nrpe.prom"]);
  });

  test("says when the certificate expires, and counts who speaks no TLS", async () => {
    const path = join(writable("collector"), "nrpe.prom");
    await using daemon = await start(path, { args: [] });
    await ask(daemon.port, "ok", { tls: {} });
    await expect(ask(daemon.port, "ok")).rejects.toThrow();
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    const samples = read(path);
    const expiry = samples.get("nrpe_certificate_expiry_timestamp_seconds")!;
    expect(expiry - Date.now() / 1000).toBeGreaterThan(86400);
    expect(count(samples, "conversations", 'outcome="answered"')).toBe(1);
    expect(count(samples, "conversations", 'outcome="no_tls"')).toBe(1);
  });

  test("counts every client of a wait service, the first one too", async () => {
    const path = join(writable("collector"), "nrpe.prom");
    const config = room.file(
      "nrpe.cfg",
      `metrics_file=${path}\nwait_idle_timeout=1\n${COMMANDS}`,
    );
    const argv = ["nrpe", "-n", "-c", config, "-i"];
    const service = { user: "nagios", program: room.binary, argv, wait: true };
    await using inetd = await startInetd(room, [service]);
    await ask(inetd.ports[0]!, "ok");
    await ask(inetd.ports[0]!, "ok");
    await waitUntil("both are counted at the end", () => {
      const samples = read(path);
      return count(samples, "conversations", 'outcome="answered"') === 2;
    });
    expect(read(path).has("nrpe_certificate_expiry_timestamp_seconds")).toBe(false);
  });

  test("replaces a link that is laid there, and leaves its target alone", async () => {
    const directory = writable("collector");
    chmodSync(directory, 0o777);
    const target = room.file("target", "precious\n", 0o666);
    const path = join(directory, "nrpe.prom");
    symlinkSync(target, path);
    await using _daemon = await start(path);
    await waitUntil("the link is replaced", () => lstatSync(path).isFile());
    expect(readFileSync(target, "latin1")).toBe("precious\n");
    read(path);
  });

  test("that cannot be written is logged once, and when it can be again, and stops nothing", async () => {
    const directory = join(room.path, "closed");
    mkdirSync(directory);
    const path = join(directory, "nrpe.prom");
    await using daemon = await start(path);
    const failures = () => daemon.log().match(/Warning: Cannot write metrics_file .*/g) ?? [];
    await daemon.logged(/Cannot write metrics_file/);
    daemon.signal("SIGHUP");
    await daemon.logged(/Caught SIGHUP/);
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    expect(failures()).toEqual([
      `Warning: Cannot write metrics_file '${path}': Permission denied`,
    ]);
    chownSync(directory, NAGIOS, NAGIOS);
    daemon.signal("SIGHUP");
    await daemon.logged(/is written again/);
    read(path);
    expect(failures()).toHaveLength(1);
  });
});
