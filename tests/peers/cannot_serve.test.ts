/** An agent on a listening socket of inetd's, with an nrpe.cfg that it cannot serve with. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { ask, type Asking, askOften, open } from "../support/ask.ts";
import { checkNrpe } from "../support/check_nrpe.ts";
import { type InetdKind, startInetd } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { isRunning } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import type { SyslogLine } from "../support/syslog.ts";
import { waitUntil } from "../support/wait_until.ts";

const KINDS: readonly InetdKind[] = ["inetd", "inetutilsInetd", "xinetd"];

const missing = peersMissing("checkNrpe", ...KINDS);

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

const SOUND = "command[ok]=echo fine\n";
const BROKEN = "command_timeout=soon\n" + SOUND;

/** Writes nrpe.cfg as a whole, so that no agent reads half of it; returns its path. */
function configure(text: string, mode = 0o644): string {
  const path = room.file("nrpe.cfg.new", text, mode);
  const config = path.replace(/\.new$/, "");
  renameSync(path, config);
  return config;
}

function service(config: string, { user = "nagios", args = ["-n"] } = {}) {
  const argv = ["nrpe", ...args, "-c", config, "--inetd"];
  return { user, program: room.binary, argv, wait: true };
}

/** The agents that have written log lines, by their process ids. */
function agentsOf(lines: readonly SyslogLine[]): ReadonlySet<string> {
  return new Set(lines.flatMap(({ text }) => /^nrpe\[([0-9]+)\]/.exec(text)?.[1] ?? []));
}

function count(lines: readonly SyslogLine[], pattern: RegExp): number {
  return lines.filter(({ text }) => pattern.test(text)).length;
}

/** How long an agent that cannot serve stays, in milliseconds. */
const STAY = 10_000;

describe.skipIf(missing).each(KINDS)("under %s", (kind) => {
  test("all clients are turned away with a broken nrpe.cfg, and the next is served with the repaired one", async () => {
    await using inetd = await startInetd(room, [service(configure(BROKEN))], { kind });
    const [port] = inetd.ports as [number];
    const begin = performance.now();
    expect((await checkNrpe(port, "-c", "ok")).status).not.toBe(0);
    // As many as inetd would start a service for before it gives it up.
    const answers = await askOften(port, "ok", { times: 300, atOnce: 20 });
    expect([...answers.keys()].filter((text) => !text.startsWith("error: "))).toEqual([]);
    const starts = 1 + (performance.now() - begin) / STAY;
    // Others keep coming while the file is repaired.
    let repaired = false;
    const others = Promise.all(Array.from({ length: 4 }, async () => {
      while (!repaired) await ask(port, "ok").catch(() => {});
    }));
    await ask(port, "ok").catch(() => {});
    configure(SOUND);
    expect(await checkNrpe(port, "-c", "ok")).toEqual({ status: 0, output: "fine\n" });
    repaired = true;
    await others;
    const lines = await inetd.syslog.until(/NOT initialized/);
    const agents = agentsOf(lines).size;
    expect(agents).toBeLessThanOrEqual(starts + 1);
    expect(count(lines, /Invalid command_timeout/)).toBeLessThanOrEqual(2 * agents);
    expect(count(lines, /Connection from 127.0.0.1 refused: Invalid command_timeout/))
      .toBeGreaterThan(0);
    expect(count(lines, /[0-9]+ more connections refused/)).toBeGreaterThan(0);
  });
});

/** Why an agent cannot serve, and how that is put right. */
interface Reason {
  readonly bad: string;
  readonly mode?: number;
  readonly good: string;
  /** What the log says. */
  readonly why: RegExp;
  readonly as?: { readonly user?: string; readonly args?: string[] };
  readonly asking?: Asking;
}

describe.skipIf(missing)("an agent that cannot serve", () => {
  const reasons: Readonly<Record<string, Reason>> = {
    "root without nrpe_user": {
      bad: SOUND,
      good: `nrpe_user=nagios\nnrpe_group=nagios\n${SOUND}`,
      why: /cannot be run as user\/group root/,
      as: { user: "root" },
    },
    "a missing certificate": {
      bad: `ssl_cert_file=/nonexistent\n${SOUND}`,
      good: SOUND,
      why: /\/nonexistent/,
      as: { args: [] },
      asking: { tls: {} },
    },
    "a file that root alone may read": {
      bad: SOUND,
      mode: 0o600,
      good: SOUND,
      why: /Permission denied/,
    },
  };

  test.each(Object.keys(reasons))("for %s serves when that is put right", async (name) => {
    const { bad, mode, good, why, as = {}, asking = {} } = reasons[name]!;
    await using inetd = await startInetd(room, [service(configure(bad, mode), as)]);
    const [port] = inetd.ports as [number];
    for (let time = 0; time < 5; time++) {
      expect(await ask(port, "ok", asking).then(({ text }) => text, () => "none")).toBe("none");
    }
    configure(good);
    expect((await ask(port, "ok", asking)).text).toBe("fine");
    const lines = inetd.syslog.take();
    expect(agentsOf(lines).size).toBeLessThanOrEqual(2);
    expect(count(lines, why)).toBeGreaterThan(0);
    expect(count(lines, /Connection from 127.0.0.1 refused: /)).toBe(agentsOf(lines).size);
  });

  test("waits no longer than a second for a client that sends nothing", async () => {
    await using inetd = await startInetd(room, [service(configure(BROKEN))]);
    const [port] = inetd.ports as [number];
    const silent = await open(port);
    const closed = Promise.withResolvers<void>();
    silent.on("error", () => {}).once("close", () => closed.resolve()).resume();
    await inetd.syslog.until(/refused: /);
    configure(SOUND);
    expect((await ask(port, "ok")).text).toBe("fine");
    await closed.promise;
  });

  test("ends after some seconds, and the next client is served by another one", async () => {
    await using inetd = await startInetd(room, [service(configure(BROKEN))]);
    const [port] = inetd.ports as [number];
    await ask(port, "ok").catch(() => {});
    const [first] = agentsOf(await inetd.syslog.until(/refused: /));
    await waitUntil("it has ended", () => !isRunning(Number(first)));
    await ask(port, "ok").catch(() => {});
    const [second] = agentsOf(await inetd.syslog.until(/refused: /));
    expect(second).not.toBe(first);
  });

  test("ends at once with its inetd, and at SIGTERM", async () => {
    await using inetd = await startInetd(room, [service(configure(BROKEN))]);
    const [port] = inetd.ports as [number];
    const agent = async () => {
      await ask(port, "ok").catch(() => {});
      return Number([...agentsOf(await inetd.syslog.until(/refused: /))][0]);
    };
    const begin = performance.now();
    const first = await agent();
    process.kill(first, "SIGTERM");
    await waitUntil("it has ended", () => !isRunning(first));
    const second = await agent();
    process.kill(inetd.pid, "SIGKILL");
    await waitUntil("the other one has ended", () => !isRunning(second));
    expect(performance.now() - begin).toBeLessThan(STAY);
  });
});
