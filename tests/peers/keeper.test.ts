/** What becomes of plugins when the agent that serves many clients is killed. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { startSocketUnit } from "../lab/activator.ts";
import { ask, open } from "../lab/ask.ts";
import { type Daemon, startDaemon } from "../lab/daemon.ts";
import { startInetd } from "../lab/inetd.ts";
import { peersMissing } from "../lab/peers.ts";
import { isRunning, keepersOf, processesWith, statusOf } from "../lab/processes.ts";
import { makeRoom, type Room } from "../lab/room.ts";
import { waitUntil } from "../lab/wait_until.ts";

const missing = peersMissing("inetd");

/** What plugins of one test and of no other sleep, in seconds. */
let mark: string;
let room: Room;
let daemons: Daemon[];
let count = 0;

beforeEach(() => {
  mark = `4${process.pid}.${++count}`;
  room = makeRoom();
  daemons = [];
});

afterEach(async () => {
  for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
  for (const pid of processesWith(mark)) process.kill(pid, "SIGKILL");
  room[Symbol.dispose]();
});

async function start(config: string): Promise<Daemon> {
  const daemon = await startDaemon(room, { config });
  daemons.push(daemon);
  return daemon;
}

/** Commands that stay unless they are killed, that leave a process behind, and that tell the agent. */
const commands = () =>
  `command[stay]=trap '' TERM; sleep ${mark}1 & sleep ${mark}2\n` +
  `command[nap]=/bin/sleep ${mark}3\n` +
  `command[left]=sleep ${mark}4 & echo begun\n` +
  "command[who]=echo $PPID\n";

/** The processes that sleep such a time. */
const sleepers = (kinds: string) => processesWith(new RegExp(`^(/bin/)?sleep ${mark}[${kinds}]$`));

/** The one keeper of an agent that may just begin to serve. */
async function keeperOf(agent: number): Promise<number> {
  await waitUntil("there is one keeper", () => keepersOf(agent).length === 1);
  return keepersOf(agent)[0]!;
}

/** What a process has open, without the numbers of pipes. */
function openFilesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) =>
    readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/[0-9]+/, "")
  );
}

/** Asks without an interest in the answer. */
function begin(port: number, command: string): void {
  void ask(port, command).catch(() => {});
}

/** Kills the agent on a port while plugins run, and looks for what is left. */
async function killAmidPlugins(port: number): Promise<void> {
  expect((await ask(port, "left")).text).toBe("begun");
  const agent = Number((await ask(port, "who")).text);
  const keeper = await keeperOf(agent);
  expect(openFilesOf(keeper)).toEqual(["pipe:[]", "/memfd:nrpe-roster (deleted)", "/dev/null"]);
  for (const command of ["stay", "stay", "nap"]) begin(port, command);
  await waitUntil(
    "the plugins run",
    () => sleepers("12").length === 4 && sleepers("3").length === 1,
  );
  process.kill(agent, "SIGKILL");
  await waitUntil("the plugins are gone", () => sleepers("123").length === 0);
  await waitUntil("the keeper is gone", () => !isRunning(keeper));
  expect(sleepers("4")).toHaveLength(1);
}

describe.skipIf(missing)("SIGKILL", () => {
  test("of a daemon ends its plugins, and nothing that one has left behind", async () => {
    const { port } = await start(commands());
    await killAmidPlugins(port);
  });

  test("of a process under inetd wait does the same", async () => {
    const argv = ["nrpe", "-n", "-c", room.file("nrpe.cfg", commands()), "--inetd"];
    await using inetd = await startInetd(room, [
      { user: "nagios", program: room.binary, argv, wait: true },
    ]);
    await killAmidPlugins(inetd.ports[0]!);
  });

  test("of a process that a service manager has started for a socket does the same", async () => {
    const config = room.file("nrpe.cfg", commands());
    await using unit = startSocketUnit(room, ["-n", "-c", config, "-f"], { accept: false });
    await killAmidPlugins(unit.port);
  });

  test("amid the starts of many plugins leaves none, nor one of which nobody knew yet", async () => {
    for (let round = 0; round < 5; round++) {
      const { pid, port } = await start(commands());
      const clients = await Promise.all(Array.from({ length: 100 }, () => open(port)));
      const keeper = await keeperOf(pid);
      for (const client of clients) {
        client.on("error", () => {}).write(encodeQuery({ version: 4, text: "nap" }));
      }
      await waitUntil("a plugin runs", () => sleepers("3").length > 0);
      process.kill(pid, "SIGKILL");
      await waitUntil("the keeper is gone", () => !isRunning(keeper));
      await waitUntil("no plugin is left", () => sleepers("3").length === 0);
      for (const client of clients) client.destroy();
    }
  });
});

describe.skipIf(missing)("the keeper", () => {
  test("has given up the directory and root's rights, and ends with the agent", async () => {
    const daemon = await start(commands());
    expect((await ask(daemon.port, "left")).text).toBe("begun");
    const keeper = await keeperOf(daemon.pid);
    expect(readlinkSync(`/proc/${keeper}/cwd`)).toBe("/");
    for (const name of ["Uid", "Gid", "Groups"]) {
      expect(statusOf(keeper, name)).toBe(statusOf(daemon.pid, name));
    }
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    await waitUntil("the keeper is gone", () => !isRunning(keeper));
    expect(sleepers("4")).toHaveLength(1);
  });

  test("is replaced when it is killed, and only then", async () => {
    const daemon = await start(commands());
    const first = await keeperOf(daemon.pid);
    process.kill(first, "SIGTERM");
    process.kill(first, "SIGKILL");
    await daemon.logged(/the keeper of the plugins has ended, there will be another/);
    expect(await keeperOf(daemon.pid)).not.toBe(first);
    await killAmidPlugins(daemon.port);
  });

  test("is missed in the log, and tried again, where it cannot be started", async () => {
    const daemon = await start("command[ok]=/bin/echo fine\n");
    const limit = (what: string) => {
      const asNagios = ["setpriv", "--reuid=nagios", "--regid=nagios", "--clear-groups"];
      Bun.spawnSync([...asNagios, "prlimit", "--pid", String(daemon.pid), what]);
    };
    // Who is answered is answered by an agent that has started its keeper and set its own limit back.
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    const first = await keeperOf(daemon.pid);
    limit("--nofile=3:");
    process.kill(first, "SIGKILL");
    await daemon.logged(/no keeper, plugins would outlive [^]*Too many open files/);
    limit("--nofile=512:");
    await keeperOf(daemon.pid);
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
  });
});
