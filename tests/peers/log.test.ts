/** Where log lines of the compiled agent go, and that nothing that becomes of them stops it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, askOften, open as connectTo } from "../lab/ask.ts";
import { inject, tracingMissing } from "../lab/faults.ts";
import { privateDev, startInetd } from "../lab/inetd.ts";
import { peersMissing } from "../lab/peers.ts";
import { freePorts, isListening } from "../lab/ports.ts";
import { statusOf } from "../lab/processes.ts";
import { makeRoom, type Room } from "../lab/room.ts";
import {
  listenAsDeafStreamSyslog,
  listenAsStreamSyslog,
  listenAsSyslog,
  type Syslog,
  type SyslogLine,
} from "../lab/syslog.ts";
import { waitUntil } from "../lab/wait_until.ts";

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
    "stops no service of inetd, %o",
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
    "started anew gets lines from an agent without descriptors",
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

  test("may want connections, also after it has been started anew", async () => {
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
    expect([...answers.values()]).toEqual([80]);
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
  test("on a full disk stops nobody, and says later how many lines it lacks", async () => {
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
