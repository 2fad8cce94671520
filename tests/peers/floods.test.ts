/** What many connections, unfinished handshakes, silence and signals do to the clients that mean well. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { ask, askOften } from "../support/ask.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../support/daemon.ts";
import { startInetd } from "../support/inetd.ts";
import { ownAddress } from "../support/loopback.ts";
import { startNameServer } from "../support/name_server.ts";
import { peersMissing } from "../support/peers.ts";
import { isListening } from "../support/ports.ts";
import { childrenOf, childrenWith, processesWith } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("agent", "inetd");

const GOOD = "127.0.0.1";
const STRANGER = "127.0.0.2";
const OTHER = "127.0.0.3";
/** How long the agent counts lines together, in milliseconds. */
const INTERVAL = 10_000;
const COMMAND = "command[ok]=/bin/echo fine\n";

let room: Room;
let stack: AsyncDisposableStack;
let sockets: Socket[];

beforeEach(() => {
  room = makeRoom();
  stack = new AsyncDisposableStack();
  stack.use(room);
  sockets = [];
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
  });
});

afterEach(() => stack.disposeAsync());

async function start(options: DaemonOptions): Promise<Daemon> {
  return stack.use(await startDaemon(room, options));
}

function tables(allow: string, deny: string): string {
  return `hosts_allow_file=${room.file("hosts.allow", allow)}\n` +
    `hosts_deny_file=${room.file("hosts.deny", deny)}\n${COMMAND}`;
}

/** Opens a connection; settled when it is made, or closed before that. */
function open(port: number, from: string): { socket: Socket; made: Promise<void> } {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from });
  sockets.push(socket);
  const { promise: made, resolve } = Promise.withResolvers<void>();
  socket.on("connect", () => resolve()).on("error", () => {}).on("close", () => resolve());
  return { socket, made };
}

/** Opens so many connections, 64 at a time. */
async function crowd(port: number, from: string, count: number): Promise<Socket[]> {
  const crowd: Socket[] = [];
  while (crowd.length < count) {
    const some = Array.from({ length: Math.min(64, count - crowd.length) }, () => open(port, from));
    await Promise.all(some.map(({ made }) => made));
    crowd.push(...some.map(({ socket }) => socket));
  }
  return crowd;
}

/** Opens and closes so many connections from addresses in turn. */
async function flood(port: number, sources: readonly string[], count: number): Promise<void> {
  let left = count;
  const client = async () => {
    while (left-- > 0) {
      const { socket, made } = open(port, sources[left % sources.length]!);
      await made;
      socket.destroy();
      sockets.splice(sockets.indexOf(socket), 1);
    }
  };
  await Promise.all(Array.from({ length: 32 }, client));
}

const filesOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;
const linesWith = (log: string, text: string) =>
  log.split("\n").filter((line) => line.includes(text));
const fine = (times: number) => new Map([["fine", times]]);

/** Ends a daemon in order, and returns its log. */
async function logAtTheEnd(daemon: Daemon): Promise<string> {
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toBe(0);
  return daemon.log();
}

describe.skipIf(missing)("a flood of 2,000 connects", () => {
  test.each([
    ["strangers", "nrpe: 127.0.0.1\n", "ALL: ALL\n"],
    ["clients that are admitted", "", ""],
  ])("by %s leaves no descriptor open and few lines in the log", async (kind, allow, deny) => {
    const daemon = await start({ config: tables(allow, deny) });
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    const before = filesOf(daemon.pid);
    const begun = Date.now();
    const flooded = flood(daemon.port, [STRANGER], 2000);
    expect(await askOften(daemon.port, "ok", { times: 40, atOnce: 2 })).toEqual(fine(40));
    await flooded;
    await waitUntil("descriptors are closed", () => filesOf(daemon.pid) <= before);
    const about = linesWith(await logAtTheEnd(daemon), STRANGER);
    const counted = about.filter((line) => line.includes(`more lines about ${STRANGER}`));
    const intervals = 1 + Math.ceil((Date.now() - begun) / INTERVAL);
    // Of each interval: 20 lines, one of each limit, and those that say how many there were.
    expect(about.length).toBeLessThanOrEqual(25 * intervals);
    const left = counted.map((line) => Number(/(\d+) more/.exec(line)![1]));
    const all = about.length - counted.length + left.reduce((sum, count) => sum + count, 0);
    if (kind === "strangers") expect(all).toBeLessThanOrEqual(2000);
    // Those that are gone when they are accepted leave no line.
    expect(all).toBeGreaterThan(100);
  });

  test("by strangers of one address hides no other one from the log", async () => {
    const daemon = await start({ config: tables("nrpe: 127.0.0.1\n", "ALL: ALL\n") });
    await flood(daemon.port, [STRANGER], 200);
    await expect(ask(daemon.port, "ok", { from: OTHER })).rejects.toThrow("ECONNRESET");
    await daemon.logged(/refused connect from 127\.0\.0\.3/);
  });

  test("from a thousand addresses leaves some hundred lines", async () => {
    const daemon = await start({ config: tables("nrpe: 127.0.0.1\n", "ALL: ALL\n") });
    const sources = Array.from({ length: 1000 }, (_, at) => `127.8.${at >> 8}.${at & 255}`);
    const begun = Date.now();
    const flooded = flood(daemon.port, sources, 1000);
    expect(await askOften(daemon.port, "ok", { times: 40, atOnce: 2 })).toEqual(fine(40));
    await flooded;
    const log = await logAtTheEnd(daemon);
    const intervals = 1 + Math.ceil((Date.now() - begun) / INTERVAL);
    // 500 of each interval, and the last lines of the ten whose numbers are said.
    expect(linesWith(log, "refused connect from").length).toBeLessThanOrEqual(510 * intervals);
  });
});

describe.skipIf(missing)("a client that is refused again and again", () => {
  test("is served at once when the tables admit it and the agent has been told", async () => {
    const daemon = await start({ config: tables("nrpe: 127.0.0.1\n", "ALL: ALL\n") });
    await flood(daemon.port, [STRANGER], 200);
    await expect(ask(daemon.port, "ok", { from: STRANGER })).rejects.toThrow("ECONNRESET");
    const from = daemon.log().length;
    tables("nrpe: ALL\n", "ALL: ALL\n");
    daemon.signal("SIGHUP");
    await daemon.logged(/restarting[^]*initialized/i, from);
    expect((await ask(daemon.port, "ok", { from: STRANGER })).text).toBe("fine");
  });

  test("by its name is decided about each time", async () => {
    const names = stack.use(await startNameServer(ownAddress(98), () => undefined));
    const daemon = await start({
      config: tables("", "nrpe: .example\n"),
      files: names.files,
    });
    // Its name is unknown, for which the tables admit it in the end.
    const client = () => ask(daemon.port, "ok", { from: STRANGER }).then(() => true, () => false);
    await Promise.all(Array.from({ length: 40 }, client));
    expect(linesWith(daemon.log(), "as many others were just now")).toEqual([]);
  });
});

describe.skipIf(missing)("a client whose address the tables deny", () => {
  test("gets no byte of a handshake, and no name is asked for", async () => {
    const names = stack.use(await startNameServer(ownAddress(99), () => undefined));
    const daemon = await start({
      config: tables(`nrpe: ${GOOD}\nnrpe: ${STRANGER}: DENY\nnrpe: .example\n`, "ALL: ALL\n"),
      args: [],
      files: names.files,
    });
    const place = { port: daemon.port, host: "127.0.0.1", localAddress: STRANGER };
    const client = connectTls(place as ConnectionOptions);
    const [error] = await once(client, "error");
    expect((error as NodeJS.ErrnoException).code).toBe("ECONNRESET");
    expect(client.bytesRead).toBe(0);
    expect((await ask(daemon.port, "ok", { tls: {} })).text).toBe("fine");
    expect(names.asked).toEqual([]);
  });
});

describe.skipIf(missing)("a syslog that nobody reads", () => {
  test("and a flood of strangers hold up nobody else at a wait service", async () => {
    const config = room.file("wait.cfg", tables("nrpe: 127.0.0.1\n", "ALL: ALL\n"));
    const argv = ["nrpe", "-n", "-c", config, "-i"];
    const service = { user: "nagios", program: room.binary, argv, wait: true };
    const inetd = stack.use(await startInetd(room, [service], { deafSyslog: true }));
    const [port] = inetd.ports as [number];
    await askOften(port, "ok", { times: 2, atOnce: 1 });
    const [pid] = childrenOf(inetd.pid) as [number];
    stack.defer(() => void process.kill(pid, "SIGKILL"));
    const flooded = flood(port, [STRANGER], 500);
    expect(await askOften(port, "ok", { times: 20, atOnce: 2 })).toEqual(fine(20));
    await flooded;
  });
});

/** A daemon, or a wait service of inetd, and the process that serves. */
async function serve(mode: "daemon" | "wait", tls: boolean) {
  const args = tls ? [] : ["-n"];
  if (mode === "daemon") {
    const { port, pid } = await start({ config: tables("", ""), args });
    return { port, pid };
  }
  const config = room.file("wait.cfg", tables("", ""));
  const argv = ["nrpe", ...args, "-c", config, "-i"];
  const inetd = await startInetd(room, [{
    user: "nagios",
    program: room.binary,
    argv,
    wait: true,
  }]);
  stack.use(inetd);
  const [port] = inetd.ports as [number];
  // The first one is served before there is an event loop, which has descriptors of its own.
  await askOften(port, "ok", { times: 2, atOnce: 1, asking: tls ? { tls: {} } : {} });
  const [pid] = childrenOf(inetd.pid) as [number];
  stack.defer(() => void process.kill(pid, "SIGKILL"));
  return { port, pid };
}

describe.skipIf(missing)("800 silent clients and 200 that send a byte a second", () => {
  test.each(
    [
      ["a daemon", "daemon", false],
      ["a daemon with TLS", "daemon", true],
      ["a wait service", "wait", false],
      ["a wait service with TLS", "wait", true],
    ] as const,
  )("hold up nobody else at %s", async (_, mode, tls) => {
    const { port, pid } = await serve(mode, tls);
    const asking = tls ? { tls: {} } : {};
    const before = filesOf(pid);
    const silent = await crowd(port, STRANGER, 800);
    const slow = await crowd(port, STRANGER, 200);
    const query = encodeQuery({ version: 4, text: "ok" });
    let at = 0;
    const drip = setInterval(() => {
      for (const socket of slow) socket.write(query.subarray(at, at + 1));
      at++;
    }, 1000);
    stack.defer(() => clearInterval(drip));
    const answers = await askOften(port, "ok", { times: 20, atOnce: 4, asking });
    expect(answers).toEqual(fine(20));
    clearInterval(drip);
    expect(silent.filter(({ closed }) => closed)).toEqual([]);
    for (const socket of [...silent, ...slow]) socket.destroy();
    await waitUntil("descriptors are closed", () => filesOf(pid) <= before);
  });
});

describe.skipIf(missing)("handshakes", () => {
  /** The first record of a TLS client. */
  async function clientHello(): Promise<Uint8Array> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { binaryType: "uint8array", data: (_, bytes) => resolve(bytes.slice()) },
    });
    const client = connectTls({ port: listener.port, host: "127.0.0.1" }).on("error", () => {});
    const hello = await promise;
    client.destroy();
    return hello;
  }

  test("that 600 clients begin and do not finish hold up nobody else", async () => {
    const daemon = await start({ config: COMMAND, args: [] });
    const hello = await clientHello();
    const before = filesOf(daemon.pid);
    const unfinished = await crowd(daemon.port, STRANGER, 600);
    for (const socket of unfinished) socket.write(hello);
    expect(await askOften(daemon.port, "ok", { times: 40, atOnce: 4, asking: { tls: {} } }))
      .toEqual(fine(40));
    // All of them have had their turn.
    await Promise.all(
      unfinished.map((socket) => socket.bytesRead > 0 ? undefined : once(socket, "data")),
    );
    for (const socket of unfinished) socket.destroy();
    await waitUntil("descriptors are closed", () => filesOf(daemon.pid) <= before);
  });

  test("of 500 checks at once from one address all succeed, as after a server's restart", async () => {
    const daemon = await start({ config: COMMAND, args: [] });
    const asking = { tls: {} };
    expect(await askOften(daemon.port, "ok", { times: 500, atOnce: 500, asking }))
      .toEqual(fine(500));
  });
});

describe.skipIf(missing)("limits", () => {
  test("of one source leave one line for it, and are no other's", async () => {
    const daemon = await start({ config: `max_connections_per_source=2\n${COMMAND}` });
    const both = [...await crowd(daemon.port, STRANGER, 2), ...await crowd(daemon.port, OTHER, 2)];
    for (let time = 0; time < 5; time++) {
      for (const from of [STRANGER, OTHER]) {
        await expect(ask(daemon.port, "ok", { from })).rejects.toThrow("ECONNRESET");
      }
    }
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    expect(both.filter(({ closed }) => closed)).toEqual([]);
    const refusals = linesWith(daemon.log(), "see max_connections_per_source");
    for (const from of [STRANGER, OTHER]) {
      const own = refusals.filter((line) => line.includes(`Connection from ${from}`));
      // One in ten seconds; five refusals can take longer.
      expect(own.filter((line) => !line.includes("more line")).length).toBeLessThan(3);
      expect(own.length).toBeGreaterThan(0);
    }
  });

  test("that silent clients of other addresses have used up keep nobody out", async () => {
    const daemon = await start({
      config: `max_connections=20\nmax_connections_per_source=10\n${COMMAND}`,
    });
    const silent = [
      ...await crowd(daemon.port, STRANGER, 10),
      ...await crowd(daemon.port, OTHER, 10),
    ];
    expect(await askOften(daemon.port, "ok", { times: 20, atOnce: 1 })).toEqual(fine(20));
    expect(silent.filter(({ closed }) => closed).length).toBeGreaterThan(0);
    expect(silent.filter(({ closed }) => !closed).length).toBeGreaterThan(10);
    const log = await logAtTheEnd(daemon);
    expect(linesWith(log, "closed: it has asked for nothing, and 20 connections are open")[0])
      .toMatch(/Connection from 127\.0\.0\.[23] closed/);
    expect(linesWith(log, "Could not read request").length).toBeLessThanOrEqual(20);
  });

  test("are not for clients whose commands run", async () => {
    const daemon = await start({
      config: `max_connections=2\ncommand[slow]=/bin/sleep 2; echo slept\n${COMMAND}`,
    });
    const slow = [STRANGER, OTHER].map((from) => ask(daemon.port, "slow", { from }));
    await waitUntil("both run", () => childrenWith(daemon.pid, "sleep 2").length === 2);
    await expect(ask(daemon.port, "ok")).rejects.toThrow("ECONNRESET");
    for (const answer of slow) expect((await answer).text).toBe("slept");
  });
});

describe.skipIf(missing)("a storm of SIGHUP with a broken nrpe.cfg in turn", () => {
  test("leaves one agent that listens, with the last good one", async () => {
    const daemon = await start({ config: "command[ok]=/bin/echo first\n" });
    expect((await ask(daemon.port, "ok")).text).toBe("first");
    const before = filesOf(daemon.pid);
    const head = readFileSync(daemon.config, "latin1").replace(/command.*\n/, "");
    const replace = (text: string) => {
      renameSync(room.file("new.cfg", head + text), daemon.config);
      daemon.signal("SIGHUP");
    };
    let round = 0;
    const storm = setInterval(() => {
      round++;
      replace(round % 2 === 0 ? `command[ok]=/bin/echo ${round}\n` : "command_timeout=never\n");
    }, 1);
    const answers = await askOften(daemon.port, "ok", { times: 60, atOnce: 4 })
      .finally(() => clearInterval(storm));
    expect([...answers.keys()].filter((text) => text.startsWith("error"))).toEqual([]);
    replace("command[ok]=/bin/echo last\n");
    await waitUntil(
      "the last one counts",
      () => ask(daemon.port, "ok").then(({ text }) => text === "last"),
    );
    replace("command_timeout=never\n");
    await daemon.logged(/cannot be put in force/, daemon.log().length);
    expect((await ask(daemon.port, "ok")).text).toBe("last");
    expect(isListening(daemon.port)).toBe(true);
    expect(processesWith(daemon.config)).toEqual([daemon.pid]);
    await waitUntil("descriptors are closed", () => filesOf(daemon.pid) <= before);
  });
});

describe.skipIf(missing)("300 connections that come while the agent is busy", () => {
  test("wait in the kernel's queue and are all served", async () => {
    const daemon = await start({ config: COMMAND });
    const { port } = daemon;
    daemon.signal("SIGSTOP");
    // Those that the queue had no room for would not be connected.
    const waiting = await crowd(port, STRANGER, 300);
    daemon.signal("SIGCONT");
    const query = encodeQuery({ version: 4, text: "ok" });
    for (const socket of waiting) socket.write(query);
    await Promise.all(waiting.map((socket) => once(socket, "data")));
    expect((await ask(port, "ok")).text).toBe("fine");
  });
});
