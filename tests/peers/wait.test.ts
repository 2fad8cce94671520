/** The agent on a listening socket that inetd or a service manager has passed on. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, askOften, open } from "../support/ask.ts";
import { startSocketUnit } from "../support/activator.ts";
import { checkNrpe } from "../support/check_nrpe.ts";
import { type InetdKind, startInetd } from "../support/inetd.ts";
import { listenForNotices } from "../support/notices.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const KINDS: readonly InetdKind[] = ["inetd", "inetutilsInetd", "xinetd"];

const missing = peersMissing("checkNrpe", ...KINDS);

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

/**
 * Agents end after a second without a client. Where one has to stay, a client is present that says
 * nothing: on a busy machine the next one may take longer.
 */
const IDLE = 1;

/** An nrpe.cfg whose one command tells agents apart. */
function configure(): string {
  return room.file(
    "nrpe.cfg",
    `wait_idle_timeout=${IDLE}\ncommand[who]=echo $PPID\ncommand[ok]=echo fine\n`,
  );
}

describe.skipIf(missing).each(KINDS)("wait under %s", (kind) => {
  test("one process serves many clients and ends when idle, and another one serves the next", async () => {
    const argv = ["nrpe", "-n", "-c", configure(), "--inetd"];
    const service = { user: "nagios", program: room.binary, argv, wait: true };
    await using inetd = await startInetd(room, [service], { kind });
    const [port] = inetd.ports as [number];
    expect(await checkNrpe(port, "-c", "ok")).toEqual({ status: 0, output: "fine\n" });
    const present = await open(port);
    const first = (await ask(port, "who")).text;
    expect((await ask(port, "who")).text).toBe(first);
    expect(await askOften(port, "ok", { times: 200, atOnce: 16 })).toEqual(
      new Map([["fine", 200]]),
    );
    expect((await ask(port, "who")).text).toBe(first);
    present.destroy();
    await waitUntil("the agent has ended", () => !isAlive(Number(first)));
    expect((await ask(port, "who")).text).not.toBe(first);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/ Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

describe.skipIf(missing)("the hand-over to inetd", () => {
  test("loses none of 1,000 checks while the agent ends and begins again 20 times", async () => {
    const argv = ["nrpe", "-n", "-c", configure(), "--inetd"];
    await using inetd = await startInetd(room, [
      { user: "nagios", program: room.binary, argv, wait: true },
    ]);
    const [port] = inetd.ports as [number];
    const agents = new Set<string>();
    let asked = 0;
    // Bursts that begin about when the agent gives up, a little earlier or later each time; on a busy
    // machine it takes longer over that, and so do later rounds.
    for (let round = 0; asked < 1000 || agents.size <= 20; round++) {
      const answers = await askOften(port, "who", { times: 40, atOnce: 4 });
      asked += 40;
      for (const answer of answers.keys()) {
        expect(answer).toMatch(/^[0-9]+$/);
        agents.add(answer);
      }
      await Bun.sleep(IDLE * 1000 - 2 + (round % 10) * (3 + round / 4));
    }
  });
});

describe.skipIf(missing)("socket activation", () => {
  test.each([["plain", ["-n"]], ["TLS", []]] as const)(
    "starts a process for each %s connection (Accept=yes)",
    async (kind, args) => {
      await using unit = startSocketUnit(room, [...args, "-c", configure(), "--inetd"], {
        accept: true,
      });
      const asking = kind === "TLS" ? { tls: {} } : {};
      const answers = await askOften(unit.port, "who", { times: 20, atOnce: 4, asking });
      expect(answers.size).toBe(20);
    },
  );

  test.each([["plain", ["-n"]], ["TLS", []]] as const)(
    "starts one process for %s connections until it is idle (Accept=no, --inetd)",
    async (kind, args) => {
      await using unit = startSocketUnit(room, [...args, "-c", configure(), "--inetd"], {
        accept: false,
      });
      const asking = kind === "TLS" ? { tls: {} } : {};
      const present = await open(unit.port);
      const answers = await askOften(unit.port, "who", { times: 20, atOnce: 4, asking });
      present.destroy();
      expect(answers.size).toBe(1);
      const [first] = answers.keys();
      await waitUntil("the agent has ended", () => !isAlive(Number(first)));
      expect((await ask(unit.port, "who", asking)).text).not.toBe(first);
    },
  );

  test("starts a daemon (Accept=no, -f), which notifies when it serves, reloads and ends", async () => {
    using notices = listenForNotices(join(room.path, "notify.sock"));
    await using unit = startSocketUnit(room, ["-n", "-c", configure(), "-f"], {
      accept: false,
      notify: notices.path,
    });
    await waitUntil("it is ready", () => notices.take().includes("READY=1"));
    const pid = Number((await ask(unit.port, "who")).text);
    process.kill(pid, "SIGHUP");
    const all: string[] = [];
    await waitUntil("it has reloaded", () => {
      all.push(...notices.take());
      return all.includes("READY=1");
    });
    expect(all[0]).toMatch(/^RELOADING=1\nMONOTONIC_USEC=[0-9]+$/);
    process.kill(pid, "SIGTERM");
    await waitUntil("it says that it ends", () => notices.take().includes("STOPPING=1"));
  });
});
