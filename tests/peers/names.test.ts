/** Rules by name where many come at once, and where names cannot be asked for. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ask, askOften, open } from "../support/ask.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../support/daemon.ts";
import { startIdent } from "../support/ident.ts";
import { startInetd } from "../support/inetd.ts";
import { ownAddress } from "../support/loopback.ts";
import { Answer, type NameServer, type Said, startNameServer } from "../support/name_server.ts";
import { peersMissing } from "../support/peers.ts";
import { childrenWith, isRunning } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";
import { askFrom } from "./both_sides.ts";

const missing = peersMissing("agent", "inetd");

/** The host that rules deny. */
const BAD = "127.0.0.2";
/** The host that they grant. */
const GOOD = "127.0.0.3";

const HOSTS = {
  "/etc/hosts": `127.0.0.1 localhost\n${BAD} bad.example\n${GOOD} good.example\n`,
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};

/** What a name server has to know of the two. */
const ZONE: Readonly<Record<string, Said>> = {
  "2.0.0.127.in-addr.arpa": "bad.example",
  "bad.example": BAD,
  "3.0.0.127.in-addr.arpa": "good.example",
  "good.example": GOOD,
};

/** How many processes may ask for names at once. */
const MOST_ASKERS = 4;

let room: Room;
let stack: AsyncDisposableStack;

beforeEach(() => {
  room = makeRoom();
  stack = new AsyncDisposableStack();
  stack.use(room);
});

afterEach(() => stack.disposeAsync());

async function start(options: DaemonOptions): Promise<Daemon> {
  return stack.use(await startDaemon(room, options));
}

async function serveNames(
  say: (name: string) => Said | undefined | Promise<Said | undefined>,
): Promise<NameServer> {
  return stack.use(await startNameServer(ownAddress(98), say));
}

/** Lines of nrpe.cfg: the tables, and a command that leaves a trace. */
function configure(allow: string, deny: string): string {
  return `hosts_allow_file=${room.file("hosts.allow", allow)}\n` +
    `hosts_deny_file=${room.file("hosts.deny", deny)}\n` +
    `command[x]=echo run >> ${room.file("ran", "", 0o666)}; echo fine\n`;
}

const ran = () => readFileSync(join(room.path, "ran"), "latin1").split("\n").length - 1;

/** The processes of an agent that ask for names. */
function askersOf(pid: number): number {
  return childrenWith(pid, "--look-up").length;
}

/** Does something, and returns how many processes asked for names at once meanwhile. */
async function mostAskers(pid: number, act: () => Promise<void>): Promise<number> {
  let most = 0;
  const look = setInterval(() => most = Math.max(most, askersOf(pid)), 5);
  try {
    await act();
  } finally {
    clearInterval(look);
  }
  return most;
}

const RESET = "error: ECONNRESET";

describe.skipIf(missing)("of 300 clients at once", () => {
  test("none is served from an address that is denied by name, and few processes ask for it", async () => {
    const daemon = await start({ config: configure("", "nrpe: bad.example\n"), files: HOSTS });
    const most = await mostAskers(daemon.pid, async () => {
      const asking = { from: BAD };
      expect(await askOften(daemon.port, "x", { times: 300, atOnce: 300, asking }))
        .toEqual(new Map([[RESET, 300]]));
    });
    expect(ran()).toBe(0);
    expect(most).toBeLessThanOrEqual(MOST_ASKERS);
    daemon.signal("SIGTERM");
    await daemon.exited;
    // The first of ten seconds are logged, the others counted.
    const counts = daemon.log().matchAll(/ (\d+) more lines? about 127\.0\.0\.2 /g);
    const counted = counts.reduce((sum, [, count]) => sum + Number(count), 0);
    const logged = daemon.log().match(
      /\] (refused connect from bad\.example \(127\.0\.0\.2\)|Connection from 127\.0\.0\.2 refused: .*)$/gm,
    )!;
    expect(logged.length + counted).toBe(300);
  });

  test("all are served from an address that is granted by name", async () => {
    const daemon = await start({
      config: configure("nrpe: good.example\n", "ALL: ALL\n"),
      files: HOSTS,
    });
    const asking = { from: GOOD };
    expect(await askOften(daemon.port, "x", { times: 300, atOnce: 300, asking }))
      .toEqual(new Map([["fine", 300]]));
  });

  test("all are refused from as many addresses without a name where that is denied", async () => {
    const daemon = await start({ config: configure("", "nrpe: UNKNOWN\n"), files: HOSTS });
    const sources = Array.from({ length: 300 }, (_, at) => `127.7.${at >> 8}.${at & 255}`);
    const most = await mostAskers(daemon.pid, async () => {
      const answers = await Promise.all(
        sources.map((from) =>
          ask(daemon.port, "x", { from }).then(({ text }) => text, () => "refused")
        ),
      );
      expect(new Set(answers)).toEqual(new Set(["refused"]));
      expect((await ask(daemon.port, "x", { from: GOOD })).text).toBe("fine");
    });
    expect(most).toBeLessThanOrEqual(MOST_ASKERS);
    expect(ran()).toBe(1);
  });
});

describe.skipIf(missing)("a name server that does not answer", () => {
  test("has 60 strangers refused, whose names few processes ask for, and holds up no other client", async () => {
    const names = await serveNames(() => undefined);
    const daemon = await start({
      config: `max_connections=50\n${configure("nrpe: 127.0.0.1\n", "nrpe: bad.example\n")}`,
      files: names.files,
    });
    const sources = Array.from({ length: 60 }, (_, at) => `127.7.0.${at + 1}`);
    const most = await mostAskers(daemon.pid, async () => {
      const strangers = sources.map((from) =>
        ask(daemon.port, "x", { from }).then(() => "answer", () => "refused")
      );
      await waitUntil("names are asked for", () => askersOf(daemon.pid) === MOST_ASKERS);
      expect(await askOften(daemon.port, "x", { times: 100, atOnce: 20 }))
        .toEqual(new Map([["fine", 100]]));
      expect(new Set(await Promise.all(strangers))).toEqual(new Set(["refused"]));
    });
    expect(most).toBe(MOST_ASKERS);
    expect(ran()).toBe(100);
    expect(daemon.log()).toContain("the name service did not answer within 5 seconds");
    await waitUntil("no process asks any more", () => askersOf(daemon.pid) === 0);
  });

  test("has strangers refused, and not a client that was admitted before", async () => {
    const names = await serveNames((name) => ZONE[name]);
    const daemon = await start({
      config: configure("nrpe: good.example\n", "ALL: ALL\n"),
      files: names.files,
    });
    const timesAsked = () => names.asked.filter((name) => name === "3.0.0.127.in-addr.arpa").length;
    const askGood = async () => (await ask(daemon.port, "x", { from: GOOD })).text;
    expect(await askGood()).toBe("fine");
    const before = timesAsked();
    let count = 0;
    const strangers = new Set<Promise<unknown>>();
    const comeAgain = () => {
      const from = `127.7.${count >> 8}.${count & 255}`;
      count++;
      const stranger = ask(daemon.port, "x", { from }).then(() => {}, () => {})
        .then(() => void strangers.delete(stranger));
      strangers.add(stranger);
    };
    const answers = new Set<string>();
    // Until the answer about it is old, and is asked for again. Strangers come one after the other:
    // together, they would have their five seconds together, and leave it some of its own.
    await waitUntil("its name is asked for again", async () => {
      if (strangers.size < 400) comeAgain();
      if (askersOf(daemon.pid) >= MOST_ASKERS) answers.add(await askGood());
      return timesAsked() > before;
    });
    expect(answers).toEqual(new Set(["fine"]));
    await Promise.all(strangers);
  });

  test("is asked once for all clients that come from an address meanwhile", async () => {
    const { promise: told, resolve: tell } = Promise.withResolvers<void>();
    const names = await serveNames((name) => told.then(() => ZONE[name] ?? Answer.noSuchName));
    const daemon = await start({
      config: `debug=1\n${configure("nrpe: good.example\n", "ALL: ALL\n")}`,
      files: names.files,
    });
    const answers = askOften(daemon.port, "x", { times: 50, atOnce: 50, asking: { from: GOOD } });
    await waitUntil(
      "all are connected",
      () => daemon.log().match(/Connection from 127\.0\.0\.3 /g)?.length === 50,
    );
    tell();
    expect(await answers).toEqual(new Map([["fine", 50]]));
    for (let time = 0; time < 10; time++) await ask(daemon.port, "x", { from: GOOD });
    expect(names.asked.filter((name) => name.endsWith(".arpa")).length).toBeLessThan(5);
  });
});

/** Why a name cannot be asked for, and what makes it so. */
const FAILURES: readonly {
  readonly why: string;
  readonly say: (name: string) => Said | undefined;
  /** A command that starts the agent. */
  readonly by?: string;
  readonly logged: string;
}[] = [
  {
    why: "the name server fails",
    say: () => Answer.serverFailure,
    logged: "the name service has no answer now: Temporary failure in name resolution",
  },
  {
    why: "only the name's own look-up fails",
    say: (name) => name.endsWith(".arpa") ? ZONE[name] : Answer.serverFailure,
    logged: "the name service has no answer now: Temporary failure in name resolution",
  },
  {
    why: "the name server is silent",
    say: () => undefined,
    logged: "the name service did not answer within 5 seconds",
  },
  {
    why: "no process can be started",
    say: (name) => ZONE[name],
    by: "prlimit --nproc=1",
    logged: "the name service could not be asked",
  },
];

describe.skipIf(missing).each(["nowait", "wait"] as const)("under inetd %s", (mode) => {
  /** Asks an agent under inetd from the host that its tables deny; returns what was logged, too. */
  async function askThere(tables: Tables, names: NameServer, by = "") {
    const config = room.file("nrpe.cfg", configure(tables.allow, tables.deny));
    const script = room.file(
      "start",
      `#!/bin/sh\nexec ${by} ${room.binary} -n -c ${config} --inetd\n`,
      0o755,
    );
    const inetd = stack.use(
      await startInetd(room, [
        { user: "nagios", program: script, argv: ["nrpe"], wait: mode === "wait" },
      ], { files: names.files }),
    );
    const answer = await askFrom(inetd.ports[0]!, BAD);
    const lines = await inetd.syslog.until(/connect from /);
    return { answer, log: lines.map(({ text }) => text.replace(/^nrpe\[\d+\]: /, "")) };
  }

  interface Tables {
    readonly allow: string;
    readonly deny: string;
  }

  // Where none is to be had, a process that stays has no thread either, and ends.
  const failures = FAILURES.filter(({ by }) => by === undefined || mode === "nowait");

  test.each(failures)(
    "a client is refused where a rule needs its name and $why",
    async (failure) => {
      const names = await serveNames(failure.say);
      const { answer, log } = await askThere(
        { allow: "", deny: "nrpe: other.example\n" },
        names,
        failure.by,
      );
      expect(answer).toBe("");
      expect(log).toContain(`warning: ${BAD}: ${failure.logged}`);
      expect(log.at(-1)).toBe(`refused connect from ${BAD} (${BAD})`);
      expect(ran()).toBe(0);
    },
  );

  test("a client is served where the name server says that there is no such name", async () => {
    const names = await serveNames(() => Answer.noSuchName);
    const { answer, log } = await askThere({ allow: "", deny: "nrpe: other.example\n" }, names);
    expect(answer).toBe("answer: fine\0");
    expect(log.at(-1)).toBe(`connect from ${BAD} (${BAD})`);
  });

  test("a client is served where its name makes no difference to the rule", async () => {
    const names = await serveNames(() => Answer.serverFailure);
    const { answer } = await askThere({
      allow: `nrpe: .example EXCEPT ${BAD}\nnrpe: bad.example LOCAL ${BAD}\n`,
      deny: "ALL: ALL\n",
    }, names);
    expect(answer).toBe("answer: fine\0");
  });
});

test.skipIf(missing)("a daemon without a process to ask with refuses, and recovers", async () => {
  const config = configure("nrpe: 127.0.0.1\n", "nrpe: bad.example\n");
  const daemon = await start({ config, files: HOSTS });
  const limit = (processes: number) => {
    const asNagios = ["setpriv", "--reuid=nagios", "--regid=nagios", "--clear-groups"];
    const what = ["prlimit", "--pid", String(daemon.pid), `--nproc=${processes}:`];
    expect(Bun.spawnSync([...asNagios, ...what]).exitCode).toBe(0);
  };
  expect((await ask(daemon.port, "x")).text).toBe("fine");
  limit(1);
  for (const from of [BAD, GOOD]) {
    await expect(ask(daemon.port, "x", { from })).rejects.toThrow("ECONNRESET");
    await daemon.logged(new RegExp(`warning: ${from}: the name service could not be asked`));
  }
  limit(4096);
  expect((await ask(daemon.port, "x", { from: GOOD })).text).toBe("fine");
  await expect(ask(daemon.port, "x", { from: BAD })).rejects.toThrow("ECONNRESET");
});

test.skipIf(missing)("processes that ask for names end with an agent that is killed", async () => {
  const names = await serveNames((name) => ZONE[name]);
  const daemon = await start({ config: configure("", "nrpe: .other\n"), files: names.files });
  expect((await ask(daemon.port, "x", { from: GOOD })).text).toBe("fine");
  const stuck = ["127.0.0.8", "127.0.0.9"].map((from) => open(daemon.port, from));
  await waitUntil(
    "the silent names are asked for",
    () => names.asked.filter((name) => /^[89]\./.test(name)).length === 2,
  );
  const asking = childrenWith(daemon.pid, "--look-up");
  expect(asking).toHaveLength(2);
  daemon.signal("SIGKILL");
  await waitUntil("they have ended", () => !asking.some(isRunning));
  for (const socket of await Promise.all(stuck)) socket.destroy();
});

test.skipIf(missing)("a daemon asks for no more than 32 users at once by RFC 1413", async () => {
  const telling = ownAddress(96);
  await using ident = await startIdent(telling, "alice", 200);
  const daemon = await start({ config: configure("nrpe: alice@ALL\n", "ALL: ALL\n") });
  const asking = { from: telling };
  expect(await askOften(daemon.port, "x", { times: 100, atOnce: 100, asking }))
    .toEqual(new Map([["fine", 100]]));
  expect(ident.most()).toBeGreaterThan(1);
  expect(ident.most()).toBeLessThanOrEqual(32);
  await expect(ask(daemon.port, "x", { from: GOOD })).rejects.toThrow("ECONNRESET");
});

test.skipIf(missing)(
  "300 strangers at once share one look-up of the names in allowed_hosts",
  async () => {
    const names = await serveNames((name) => ZONE[name] ?? Answer.noSuchName);
    const daemon = await start({
      config: `allowed_hosts=good.example\n${configure("", "")}`,
      files: names.files,
    });
    expect((await ask(daemon.port, "x", { from: GOOD })).text).toBe("fine");
    const before = names.asked.length;
    const asking = { from: BAD };
    expect(await askOften(daemon.port, "x", { times: 300, atOnce: 300, asking }))
      .toEqual(new Map([[RESET, 300]]));
    expect((await ask(daemon.port, "x", { from: GOOD })).text).toBe("fine");
    // A look-up is a question for each family; on a busy machine there may be a second one.
    expect(names.asked.length - before).toBeLessThanOrEqual(4);
  },
);

describe.skipIf(missing)("a table that is replaced while a name is looked up", () => {
  test.each(["daemon", "nowait"] as const)(
    "decides by its old content in the mode %s",
    async (mode) => {
      let replace = () => {};
      const names = await serveNames((name) => {
        replace();
        return ZONE[name] ?? Answer.noSuchName;
      });
      const config = configure("# 1\nnrpe: .other\n", "ALL: ALL\n");
      // Where the search has come to in the old one, the half of a comment stands in this one.
      room.file("next", "#   nrpe: ALL\n");
      replace = () => {
        replace = () => {};
        renameSync(join(room.path, "next"), join(room.path, "hosts.allow"));
      };
      const answer = mode === "daemon"
        ? await start({ config, files: names.files }).then(({ port }) => askFrom(port, BAD))
        : await (async () => {
          const argv = ["nrpe", "-n", "-c", room.file("nrpe.cfg", config), "--inetd"];
          const service = { user: "nagios", program: room.binary, argv };
          const inetd = stack.use(await startInetd(room, [service], { files: names.files }));
          return await askFrom(inetd.ports[0]!, BAD);
        })();
      expect(readFileSync(join(room.path, "hosts.allow"), "latin1")).toContain("nrpe: ALL");
      expect(answer).toBe("");
      expect(ran()).toBe(0);
    },
  );
});

test.skipIf(missing)(
  "an option for a client that has gone does not reach another connection",
  async () => {
    const { promise: told, resolve: tell } = Promise.withResolvers<void>();
    const names = await serveNames((name) => told.then(() => ZONE[name] ?? Answer.noSuchName));
    const daemon = await start({
      config: "debug=1\n" +
        configure("nrpe: 127.0.0.1\nnrpe: good.example: keepalive\n", "ALL: ALL\n"),
      files: names.files,
    });
    const gone = await open(daemon.port, GOOD);
    await waitUntil("its name is asked for", () => names.asked.length > 0);
    gone.resetAndDestroy();
    await waitUntil("it is closed", () => keepAliveOf(daemon.port, GOOD) === undefined);
    // They get the descriptors that have become free.
    const others = await Promise.all(Array.from({ length: 8 }, () => open(daemon.port)));
    tell();
    await daemon.logged(/connect from good\.example/);
    // Decided by then, since later ones are.
    const [kept] = [await open(daemon.port, GOOD)];
    await waitUntil("it has its option", () => keepAliveOf(daemon.port, GOOD) === true);
    expect(keepAliveOf(daemon.port, "127.0.0.1")).toBe(false);
    for (const socket of [...others, kept]) socket.destroy();
  },
);

/**
 * Whether the agent's end of one of the connections from an address has SO_KEEPALIVE, see
 * /proc/net/tcp; undefined where there is no such connection.
 */
function keepAliveOf(port: number, from: string): boolean | undefined {
  const hex = from.split(".").reverse().map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("").toUpperCase();
  const local = `0100007F:${port.toString(16).padStart(4, "0").toUpperCase()}`;
  const rows = readFileSync("/proc/net/tcp", "latin1").split("\n")
    .map((row) => row.trim().split(/\s+/))
    .filter(([, own, other, state]) =>
      own === local && other?.startsWith(`${hex}:`) && state === "01"
    );
  if (rows.length === 0) return undefined;
  return rows.some(([, , , , , timer]) => timer?.startsWith("02:"));
}

test.skipIf(missing)("--check-access says what it cannot decide for want of a name", async () => {
  const names = await serveNames(() => Answer.serverFailure);
  configure("", "nrpe: other.example\n");
  const mounts = Object.entries(names.files).map(([path, content], at) =>
    `mount --bind ${room.file(`file.${at}`, content)} ${path}\n`
  );
  const child = Bun.spawn([
    ...["unshare", "-m", "sh", "-c", `set -e\n${mounts.join("")}exec "$0" "$@"`],
    ...[room.binary, "--check-access", "--hosts-allow", join(room.path, "hosts.allow")],
    ...["--hosts-deny", join(room.path, "hosts.deny"), "--lookup", BAD],
  ], { stdio: ["ignore", "pipe", "inherit"] });
  const text = await child.stdout.text();
  expect(await child.exited).toBe(1);
  expect(text).toContain("name cannot be looked up: Temporary failure in name resolution");
  expect(text).toContain(
    `DENIED  ${room.path}/hosts.deny line 1 cannot be decided, so every client that reaches it is denied`,
  );
});
