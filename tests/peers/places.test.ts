/** Places for connections: only clients that are admitted take one. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { ask, askOften } from "../support/ask.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../support/daemon.ts";
import { ownAddress } from "../support/loopback.ts";
import { startNameServer } from "../support/name_server.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("agent");

const GOOD = "127.0.0.1";
const STRANGER = "127.0.0.2";

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

function configure(allow: string, deny: string): string {
  return `hosts_allow_file=${room.file("hosts.allow", allow)}\n` +
    `hosts_deny_file=${room.file("hosts.deny", deny)}\ncommand[ok]=/bin/echo fine\n`;
}

/** Opens so many connections from an address, which say nothing and wait; some may be reset at once. */
async function crowd(port: number, from: string, count: number): Promise<Socket[]> {
  const crowd: Socket[] = [];
  while (crowd.length < count) {
    const some = Array.from({ length: Math.min(64, count - crowd.length) }, () => {
      const socket = connect({ port, host: "127.0.0.1", localAddress: from });
      crowd.push(socket);
      return new Promise<void>((resolve) =>
        socket.on("connect", () => resolve()).on("error", () => {}).on("close", () => resolve())
      );
    });
    await Promise.all(some);
  }
  sockets.push(...crowd);
  return crowd;
}

function filesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The processor time that a process has taken, in hundredths of a second. */
function timeOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

describe.skipIf(missing)("strangers", () => {
  test.each([
    ["as many descriptors as usual", "true"],
    ["64 descriptors", "ulimit -n 64"],
  ])("that the tables refuse reset no other client's checks with %s", async (_, before) => {
    const daemon = await start({
      config: `max_connections=4\n${configure(`nrpe: ${GOOD}\n`, "ALL: ALL\n")}`,
      before: before,
    });
    const idle = filesOf(daemon.pid);
    let most = 0;
    let flooding = true;
    const flood = async () => {
      while (flooding) {
        for (const socket of await crowd(daemon.port, STRANGER, 200)) socket.destroy();
      }
    };
    const flooded = flood();
    await daemon.logged(/refused connect from 127\.0\.0\.2/);
    const look = setInterval(() => most = Math.max(most, filesOf(daemon.pid)), 10);
    const answers = await askOften(daemon.port, "ok", { times: 100, atOnce: 2 }).finally(() => {
      clearInterval(look);
      flooding = false;
    });
    await flooded;
    expect(answers).toEqual(new Map([["fine", 100]]));
    // 64 are heard out; of the others some are there because they are not closed yet.
    expect(most - idle).toBeLessThan(200);
  });

  test("whose names are being looked up reset no other client's checks", async () => {
    const names = stack.use(await startNameServer(ownAddress(97), () => undefined));
    const daemon = await start({
      config: `max_connections=4\n${configure(`nrpe: ${GOOD}\n`, "nrpe: .example\n")}`,
      files: names.files,
    });
    const strangers = await crowd(daemon.port, STRANGER, 100);
    await waitUntil("their name is asked for", () => names.asked.length > 0);
    expect(strangers.some(({ closed }) => closed)).toBe(false);
    expect(await askOften(daemon.port, "ok", { times: 20, atOnce: 2 }))
      .toEqual(new Map([["fine", 20]]));
    await waitUntil("they are refused", () => strangers.every(({ closed }) => closed));
  });
});

describe.skipIf(missing)("without a limit in nrpe.cfg", () => {
  test("one address has 1024 connections, and others are served", async () => {
    const daemon = await start({ config: configure("", "") });
    const many = await crowd(daemon.port, STRANGER, 1124);
    await waitUntil("100 are reset", () => many.filter(({ closed }) => closed).length === 100);
    await daemon.logged(
      /127\.0\.0\.2 refused: it has 1024 connections open, see max_connections_per_source/,
    );
    expect((await ask(daemon.port, "ok", { from: GOOD })).text).toBe("fine");
    await expect(ask(daemon.port, "ok", { from: STRANGER })).rejects.toThrow("ECONNRESET");
  });
});

describe.skipIf(missing).each([64, 20])("with %i descriptors", (files) => {
  test("connections wait, nothing spins, and all checks are answered", async () => {
    const daemon = await start({
      config: configure("", ""),
      before: `ulimit -n ${files}`,
    });
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    const idle = await crowd(daemon.port, STRANGER, 100);
    await daemon.logged(/Network server accept failure \(24: Too many open files\)/);
    const before = timeOf(daemon.pid);
    await Bun.sleep(3000);
    // Half a core would be 150.
    expect(timeOf(daemon.pid) - before).toBeLessThan(50);
    const waiting = ask(daemon.port, "ok");
    for (const socket of idle) socket.destroy();
    expect((await waiting).text).toBe("fine");
    expect(await askOften(daemon.port, "ok", { times: 200, atOnce: 50 }))
      .toEqual(new Map([["fine", 200]]));
  });
});
