/** Where log lines of the compiled agent go, and that nothing that becomes of them stops it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, askOften, open as connectTo } from "../support/ask.ts";
import { inject, tracingMissing } from "../support/faults.ts";
import { privateDev, startInetd } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { freePorts, isListening } from "../support/ports.ts";
import { statusOf } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import {
  listenAsDeafStreamSyslog,
  listenAsStreamSyslog,
  listenAsSyslog,
  type Syslog,
  type SyslogLine,
} from "../support/syslog.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("inetd");

let room: Room;
let open: (() => unknown)[];

beforeEach(() => {
  room = makeRoom();
  open = [];
});

afterEach(async () => {
  for (const end of open.reverse()) await end();
  room[Symbol.dispose]();
});

function listen(options: { readonly deaf?: boolean } = {}): Syslog {
  const syslog = listenAsSyslog(join(room.path, "log.sock"), options);
  open.push(() => syslog[Symbol.dispose]());
  return syslog;
}

/** An agent in the foreground that serves as nagios, with a /dev of its own. */
interface Agent {
  readonly port: number;
  readonly pid: number;
  /** Ends it with SIGTERM; returns its exit status. */
  readonly end: () => Promise<number>;
}

/** Starts an agent whose /dev/log leads to a path, by default the syslog's that {@link listen} makes. */
async function serve(
  config: string,
  { log = join(room.path, "log.sock"), prepare = "", env = {} } = {},
): Promise<Agent> {
  const [port] = freePorts(1) as [number];
  const file = room.file(
    "nrpe.cfg",
    `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
      `command[ok]=echo fine\n${config}`,
  );
  const script = `set -e\n${privateDev(room, { path: log })}\n${prepare}\n` +
    `exec ${room.binary} -n -c ${file} -f`;
  const agent = Bun.spawn(["unshare", "-m", "sh", "-c", script], {
    stdio: ["ignore", "ignore", "ignore"],
    env: { PATH: process.env.PATH ?? "", ...env },
    cwd: "/",
  });
  open.push(async () => {
    agent.kill("SIGKILL");
    await agent.exited;
  });
  await waitUntil("the agent serves", () => {
    if (agent.exitCode !== null) throw new Error(`The agent ended with ${agent.exitCode}`);
    return isListening(port) && !statusOf(agent.pid, "Uid").split("\t").includes("0");
  });
  return {
    port,
    pid: agent.pid,
    end() {
      agent.kill("SIGTERM");
      return agent.exited;
    },
  };
}

const texts = (lines: readonly { readonly text: string }[]) =>
  lines.map(({ text }) => text.replace(/^nrpe\[[0-9]+\]: /, ""));

describe.skipIf(missing)("a syslog that nobody reads", () => {
  test("stops no daemon, which says later how many lines were lost, and ends at SIGTERM", async () => {
    const syslog = listen({ deaf: true });
    const agent = await serve("debug=1\n");
    expect(await askOften(agent.port, "ok", { times: 20, atOnce: 4 })).toEqual(
      new Map([["fine", 20]]),
    );
    expect(texts(syslog.take()).length).toBeLessThan(100);
    await ask(agent.port, "ok");
    const after = texts(await syslog.until(/Return Code/));
    expect(after[0]).toMatch(
      /^Warning: [0-9]+ log lines could not be sent to syslog: Resource temporarily unavailable$/,
    );
    expect(Number(/[0-9]+/.exec(after[0]!))).toBeGreaterThan(50);
    expect(after[1]).toMatch(/^(Connection from|Host) 127\.0\.0\.1/);
    await askOften(agent.port, "ok", { times: 20, atOnce: 4 });
    expect(await agent.end()).toBe(0);
  });

  test.each([{ wait: false }, { wait: true }])(
    "stops no service of inetd with %o",
    async ({ wait }) => {
      const config = room.file("nrpe.cfg", "wait_idle_timeout=1\ncommand[ok]=echo fine\ndebug=1\n");
      const service = {
        user: "nagios",
        program: room.binary,
        argv: ["nrpe", "-n", "-c", config, "-i"],
        wait,
      };
      await using inetd = await startInetd(room, [service], { deafSyslog: true });
      expect(await askOften(inetd.ports[0]!, "ok", { times: 20, atOnce: 2 })).toEqual(
        new Map([["fine", 20]]),
      );
      expect(inetd.syslog.take().length).toBeGreaterThan(0);
    },
  );

  test("that only lags gets every line of a burst", async () => {
    const syslog = listen();
    const lines: SyslogLine[] = [];
    const reading = setInterval(() => void lines.push(...syslog.take()), 1);
    open.push(() => clearInterval(reading));
    await serve(Array.from({ length: 50 }, (_, at) => `unknown_${at}=1\n`).join(""));
    await waitUntil(
      "the last line has come",
      () => lines.some(({ text }) => text.includes("Listening for connections")),
    );
    expect(lines.filter(({ text }) => text.includes("Unknown option"))).toHaveLength(50);
    expect(lines.filter(({ text }) => text.includes("could not be sent"))).toEqual([]);
  });
});

describe.skipIf(missing)("syslog", () => {
  test("that is started anew gets lines again, and learns how many it missed", async () => {
    const first = listen();
    const agent = await serve("debug=1\n");
    await first.until(/Listening for connections/);
    first[Symbol.dispose]();
    await ask(agent.port, "ok");
    rmSync(first.path);
    await ask(agent.port, "ok");
    const second = listen();
    await ask(agent.port, "ok");
    const lines = texts(await second.until(/Return Code/));
    expect(lines[0]).toMatch(
      /^Warning: [0-9]+ log lines could not be sent to syslog: No such file/,
    );
    expect(lines).toContain("Return Code: 0, Output: fine");
  });

  test.skipIf(tracingMissing())(
    "that is started anew gets lines from an agent without descriptors",
    async () => {
      const first = listen();
      const agent = await serve("allowed_hosts=127.0.0.1\n");
      await first.until(/Listening for connections/);
      first[Symbol.dispose]();
      rmSync(first.path);
      const second = listen();
      await using _faults = await inject(room, agent.pid, { socket: "EMFILE" });
      await expect(ask(agent.port, "ok", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
      expect(texts(await second.until(/./))).toEqual([
        "Host 127.0.0.2 is not allowed to talk to us!",
      ]);
    },
  );

  test("that wants connections gets lines, also after it has been started anew", async () => {
    const path = join(room.path, "log.sock");
    const first = listenAsStreamSyslog(path);
    const agent = await serve("debug=1\n");
    expect(texts(await first.until(/Listening for connections/))[0]).toMatch(/^INFO: SSL/);
    first[Symbol.dispose]();
    await ask(agent.port, "ok");
    rmSync(path, { force: true });
    const second = listenAsStreamSyslog(path);
    open.push(() => second[Symbol.dispose]());
    await ask(agent.port, "ok");
    const lines = texts(await second.until(/Return Code/));
    expect(lines[0]).toMatch(/^Warning: [0-9]+ log lines could not be sent to syslog: /);
    expect(lines.at(-1)).toBe("Return Code: 0, Output: fine");
    expect(await agent.end()).toBe(0);
  });

  test("that wants connections and does not read stops no daemon", async () => {
    const path = join(room.path, "log.sock");
    const syslog = listenAsDeafStreamSyslog(path);
    open.push(() => syslog[Symbol.dispose]());
    const agent = await serve(`debug=1\ncommand[long]=head -c 20000 /dev/zero | tr '\\0' x\n`, {
      log: path,
    });
    const answers = await askOften(agent.port, "long", { times: 80, atOnce: 4 });
    expect(answers).toEqual(new Map([["x".repeat(20_000), 80]]));
    expect(await agent.end()).toBe(0);
  });

  test.each(["dev-log", "syslog"])(
    "is found as the journal's %s where /dev has no log",
    async (name) => {
      const syslog = listen();
      await serve("", {
        log: "/nonexistent",
        prepare: "mount -t tmpfs -o mode=755 run /run; mkdir -p /run/systemd/journal\n" +
          `ln -s ${syslog.path} /run/systemd/journal/${name}`,
      });
      expect(texts(await syslog.until(/Listening for connections/))).toContain(
        "Starting up daemon",
      );
    },
  );

  test("gets local time", async () => {
    const syslog = listen();
    const before = Date.now();
    await serve("", { env: { TZ: "XXX-5:30" } });
    const [line] = await syslog.until(/Listening for connections/);
    const stamp = (time: number) =>
      new Date(time + 330 * 60_000).toUTCString().replace(
        /^\w+, (\d+) (\w+) \d+ ([0-9:]+) GMT$/,
        (_, day: string, month: string, clock: string) =>
          `${month} ${String(Number(day)).padStart(2)} ${clock}`,
      );
    const possible: string[] = [];
    for (let time = before; time < Date.now() + 1000; time += 1000) possible.push(stamp(time));
    expect(possible).toContain(line!.time);
  });
});

describe.skipIf(missing)("a log file", () => {
  test("on a full disk stops no agent, and says later how many lines it lacks", async () => {
    mkdirSync(join(room.path, "small"));
    const agent = await serve(`debug=1\nlog_file=${room.path}/small/nrpe.log\n`, {
      prepare: `mount -t tmpfs -o size=32k,mode=777 small ${room.path}/small`,
    });
    const inside = (name: string) => `/proc/${agent.pid}/root${room.path}/small/${name}`;
    const log = () => readFileSync(inside("nrpe.log"), "latin1");
    expect(() => writeFileSync(inside("filler"), Buffer.alloc(65536))).toThrow("ENOSPC");
    expect(await askOften(agent.port, "ok", { times: 40, atOnce: 4 })).toEqual(
      new Map([["fine", 40]]),
    );
    const full = log();
    expect(full.endsWith("\n")).toBe(false);
    rmSync(inside("filler"));
    await ask(agent.port, "ok");
    const later = log().slice(full.length);
    expect(later).toMatch(
      /^\n\[[0-9]+\] Warning: [0-9]+ log lines could not be written to '.*nrpe\.log': No space left on device\n\[/,
    );
    expect(await agent.end()).toBe(0);
    open.push(() => rmSync(join(room.path, "small"), { recursive: true, force: true }));
  });
});

/** Runs an agent that is to fail at its start, with a /dev of its own. */
function fail(text: string, mode: "-d" | "-f" | "-i", name = "bad.cfg") {
  const file = room.file(name, text);
  const script = `set -e\n${privateDev(room, { path: join(room.path, "log.sock") })}\n` +
    `exec ${room.binary} -n -c ${file} ${mode}`;
  const agent = Bun.spawnSync(["unshare", "-m", "sh", "-c", script], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: room.path,
    timeout: 60_000,
  });
  return { status: agent.exitCode, stderr: agent.stderr.toString("latin1") };
}

const logOf = (name: string) =>
  readFileSync(join(room.path, name), "latin1").replaceAll(/^\[[0-9]+\] /gm, "");

const ERROR = /^Invalid command_timeout specified in config file '.*' - Line [0-9]+: 'soon'/m;

describe.skipIf(missing)("an error at the start", () => {
  test.each(["-d", "-f"] as const)("goes to the log file and to stderr with %s", (mode) => {
    const syslog = listen();
    const text = `command_timeout=soon\nlog_file=${room.path}/the.log\n`;
    const { status, stderr } = fail(text, mode);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^nrpe: Invalid command_timeout specified[^]*aborting\.\.\.\n$/);
    expect(logOf("the.log")).toMatch(ERROR);
    expect(logOf("the.log")).toMatch(/^Config file '.*' contained errors, aborting\.\.\.$/m);
    expect(syslog.take()).toEqual([]);
  });

  test("goes to the facility that nrpe.cfg names, and nowhere with disable_syslog", () => {
    const syslog = listen();
    fail("command_timeout=soon\nlog_facility=local3\n", "-f");
    const lines = syslog.take();
    expect(lines.map(({ facility, severity }) => [facility, severity])).toEqual([
      [19 << 3, 3],
      [19 << 3, 3],
    ]);
    const { stderr } = fail("command_timeout=soon\ndisable_syslog=1\n", "-f");
    expect(stderr).toContain("Invalid command_timeout");
    expect(syslog.take()).toEqual([]);
  });

  test("that comes after nrpe.cfg has been read goes to the log file too", () => {
    const syslog = listen();
    const [port] = freePorts(1) as [number];
    using _taken = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const { stderr } = fail(
      `server_address=127.0.0.1\nserver_port=${port}\nnrpe_user=nagios\nnrpe_group=nagios\n` +
        `log_file=${room.path}/the.log\n`,
      "-d",
    );
    expect(stderr).toContain("Bind to port");
    expect(logOf("the.log")).toContain("Bind to port");
    expect(syslog.take()).toEqual([]);
  });

  test("of a service that has no connection goes to the log file too", () => {
    const syslog = listen();
    const { status, stderr } = fail(`foo\nlog_file=${room.path}/the.log\n`, "-i");
    expect(status).toBe(2);
    expect(stderr).toStartWith("nrpe: standard input is no connection");
    expect(logOf("the.log")).toStartWith("Error: standard input is no connection");
    expect(syslog.take()).toEqual([]);
  });

  test.each([{ wait: false }, { wait: true }])(
    "goes to the log file under inetd with %o",
    async ({ wait }) => {
      const log = room.file("the.log", "");
      Bun.spawnSync(["chown", "nagios", log]);
      const config = room.file("bad.cfg", `unknown=1\ncommand_timeout=soon\nlog_file=${log}\n`);
      const argv = ["nrpe", "-n", "-c", config, "-i"];
      await using inetd = await startInetd(room, [
        { user: "nagios", program: room.binary, argv, wait },
      ]);
      const socket = await connectTo(inetd.ports[0]!);
      open.push(() => socket.destroy());
      await waitUntil("the error is logged", () => ERROR.test(logOf("the.log")));
      await waitUntil(
        "the warning too",
        () => logOf("the.log").includes("Unknown option specified"),
      );
      expect(
        inetd.syslog.take().filter(({ text }) => text.startsWith("nrpe")),
      ).toEqual([]);
    },
  );

  test("is not hidden by any number of warnings, and comes before them", () => {
    const syslog = listen();
    const warnings = Array.from({ length: 60 }, (_, at) => `unknown_${at}=1\n`).join("");
    const text = `log_file=${room.path}/the.log\n${warnings}command_timeout=soon\nfoo\n`;
    const { stderr } = fail(text, "-f");
    for (const said of [stderr.replaceAll(/^nrpe: /gm, ""), logOf("the.log")]) {
      const lines = said.trimEnd().split("\n");
      expect(lines[0]).toMatch(ERROR);
      expect(lines[1]).toMatch(/^No variable value specified in config file '.*' - Line 63/);
      expect(lines.filter((line) => line.startsWith("Unknown option"))).toHaveLength(50);
      expect(lines.at(-2)).toMatch(/^10 more warnings about config file '.*' are not shown$/);
      expect(lines.at(-1)).toMatch(/aborting\.\.\.$/);
    }
    expect(syslog.take()).toEqual([]);
  });
});

describe.skipIf(missing)("a warning about nrpe.cfg", () => {
  const conf = () => {
    room.file("later.cfg", "command[ok]=echo fine\n");
    return `unknown=1\ncommand[ok]=echo bad\ncommand[twice]=a\ncommand[twice]=b\n` +
      `include=${room.path}/later.cfg\n`;
  };
  const DOUBT = /^Doubtful command\[twice\] in config file '.*' - Line [0-9]+: it replaces the one/;

  test("is logged once by a daemon; what a later file overrides is none", async () => {
    const syslog = listen();
    const agent = await serve(`${conf()}command[last]=echo\n`);
    const lines = texts(await syslog.until(/Listening for connections/));
    expect((await ask(agent.port, "ok")).text).toBe("fine");
    expect(lines.filter((line) => line.includes("Unknown option specified"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("Doubtful command[twice]"))).toEqual([
      expect.stringMatching(DOUBT),
    ]);
    expect(lines.filter((line) => line.includes("later.cfg"))).toEqual([]);
  });

  test("is logged with debug=1 only where each client has a process", async () => {
    const service = (name: string, text: string) => ({
      user: "nagios",
      program: room.binary,
      argv: ["nrpe", "-n", "-c", room.file(name, text), "-i"],
    });
    await using inetd = await startInetd(room, [
      service("quiet.cfg", conf()),
      service("debug.cfg", `debug=1\n${conf()}`),
    ]);
    inetd.syslog.take();
    expect((await ask(inetd.ports[0]!, "ok")).text).toBe("fine");
    expect(texts(await inetd.syslog.until(/connect from/))).toEqual([
      "connect from 127.0.0.1 (127.0.0.1)",
    ]);
    expect((await ask(inetd.ports[1]!, "ok")).text).toBe("fine");
    const lines = texts(await inetd.syslog.until(/Return Code/));
    expect(lines[0]).toMatch(/^Unknown option specified/);
    expect(lines[1]).toMatch(DOUBT);
    expect(lines[2]).toMatch(/^Added command/);
  });
});

describe.skipIf(missing)("a terminal", () => {
  /** An agent in the foreground of a terminal. */
  async function serveOnTerminal(config: string) {
    const [port] = freePorts(1) as [number];
    const file = room.file(
      "nrpe.cfg",
      `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
        `log_file=${room.path}/the.log\ncommand[ok]=echo fine\n${config}`,
    );
    let shown = "";
    const agent = Bun.spawn([room.binary, "-n", "-c", file, "-f"], {
      cwd: "/",
      terminal: { data: (_, bytes) => void (shown += Buffer.from(bytes).toString("latin1")) },
    });
    open.push(async () => {
      agent.kill("SIGKILL");
      await agent.exited;
      agent.terminal?.close();
    });
    await waitUntil("the agent serves", () => {
      if (agent.exitCode !== null) throw new Error(`The agent ended: ${shown}`);
      return isListening(port) && !statusOf(agent.pid, "Uid").split("\t").includes("0");
    });
    return { port, agent, shown: () => shown };
  }

  test("gets the lines of the log as the log does, debug lines with debug=1 only", async () => {
    const { port, shown } = await serveOnTerminal("\x1b[2J=1\n");
    await ask(port, "ok");
    await expect(ask(port, "ok\x1b[31m\r")).rejects.toThrow();
    await waitUntil("the request is logged", () => shown().includes("bailing out..."));
    const lines = shown().trimEnd().split("\r\n").map((line) => line.replace(/^nrpe: /, ""));
    expect(lines).toEqual(logOf("the.log").trimEnd().split("\n"));
    expect(lines[0]).toMatch(/^Unknown option specified in config file '.*' - Line 7: \?\[2J/);
    expect(shown()).not.toMatch(/is asking|Running command/);
  });

  test("that is stopped does not stop the agent", async () => {
    const { port, agent, shown } = await serveOnTerminal("debug=1\n");
    await waitUntil("it shows lines", () => shown().includes("Listening for connections"));
    agent.terminal!.write("\x13");
    expect(await askOften(port, "ok", { times: 20, atOnce: 4 })).toEqual(new Map([["fine", 20]]));
    agent.kill("SIGTERM");
    expect(await agent.exited).toBe(0);
  });

  test.each(["-d", "-f"] as const)("gets no control characters in an error with %s", (mode) => {
    listen();
    const { stderr } = fail("command_timeout=\x1b[2Jsoon\n", mode);
    expect(stderr).toContain("'?[2Jsoon', but it must be");
    expect(stderr).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test.each(["", "--check-access "])(
    "gets no control characters with the usage of nrpe %s--…",
    (mode) => {
      const args = `${mode}--\x1b[2J`.split(" ");
      const stderr = Bun.spawnSync([room.binary, ...args]).stderr.toString("latin1");
      expect(stderr).toMatch(/^nrpe: .*\?\[2J/);
      expect(stderr).toMatch(/^[\x20-\x7e\n]*$/);
    },
  );
});

describe.skipIf(missing)("a client", () => {
  const tables = () =>
    `hosts_deny_file=${room.file("hosts.deny", "ALL: ALL\n")}\nhosts_allow_file=` +
    room.file("hosts.allow", "nrpe: 127.0.0.1\nnrpe: 127.0.0.3: severity local0.notice\n") + "\n";

  test("is logged by a daemon when it is refused, and when it is admitted if a rule or debug=1 asks for it", async () => {
    const syslog = listen();
    const agent = await serve(tables());
    await ask(agent.port, "ok");
    await ask(agent.port, "ok", { from: "127.0.0.3" });
    await expect(ask(agent.port, "ok", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
    const lines = (await syslog.until(/refused connect from/))
      .filter(({ text }) => text.includes("connect from"));
    expect(texts(lines)).toEqual([
      "connect from 127.0.0.3 (127.0.0.3)",
      "refused connect from 127.0.0.2 (127.0.0.2)",
    ]);
    expect(lines.map(({ facility, severity }) => facility | severity)).toEqual([16 << 3 | 5, 28]);
    const config = join(room.path, "nrpe.cfg");
    writeFileSync(config, `${readFileSync(config, "latin1")}debug=1\n`);
    process.kill(agent.pid, "SIGHUP");
    await syslog.until(/Caught SIGHUP/);
    await waitUntil("the new configuration is applied", async () => {
      await ask(agent.port, "ok");
      return texts(syslog.take()).includes("connect from 127.0.0.1 (127.0.0.1)");
    });
  });

  test.each([{ wait: false }, { wait: true }])(
    "that is admitted is logged under inetd with %o",
    async ({ wait }) => {
      const text = `wait_idle_timeout=1\ncommand[ok]=echo fine\n${tables()}`;
      const argv = ["nrpe", "-n", "-c", room.file("nrpe.cfg", text), "-i"];
      await using inetd = await startInetd(room, [
        { user: "nagios", program: room.binary, argv, wait },
      ]);
      await ask(inetd.ports[0]!, "ok");
      expect(texts(await inetd.syslog.until(/connect from/))).toContain(
        "connect from 127.0.0.1 (127.0.0.1)",
      );
    },
  );
});
