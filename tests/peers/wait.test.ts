/** The agent on a listening socket that inetd or a service manager has passed on. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
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

/** The bits of SIGCHLD and SIGIO in the sets of signals of proc_pid_status(5). */
const EVENT_SIGNALS = (1n << 16n) | (1n << 28n);

describe.skipIf(missing)("a wait process", () => {
  test("has no thread but the main one that handles its signals, also after 200 MB of output", async () => {
    const config = room.file(
      "nrpe.cfg",
      "command[who]=echo $PPID\ncommand[torrent]=yes | head -c 200000000; exit 1\n",
    );
    const argv = ["nrpe", "-n", "-c", config, "--inetd"];
    await using inetd = await startInetd(room, [
      { user: "nagios", program: room.binary, argv, wait: true },
    ]);
    const [port] = inetd.ports as [number];
    const agent = (await ask(port, "who")).text;
    expect((await ask(port, "torrent")).code).toBe(1);
    expect((await ask(port, "torrent")).code).toBe(1);
    const threads = readdirSync(`/proc/${agent}/task`).filter((thread) => thread !== agent);
    const handling = threads.filter((thread) => {
      const status = readFileSync(`/proc/${agent}/task/${thread}/status`, "latin1");
      const blocked = BigInt(`0x${/^SigBlk:\t(.*)$/m.exec(status)![1]}`);
      return (blocked & EVENT_SIGNALS) !== EVENT_SIGNALS;
    });
    expect(threads).not.toEqual([]);
    expect(handling).toEqual([]);
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

describe.skipIf(missing)("the first client of a wait service", () => {
  /** The file that the command `slow` waits for. */
  const gate = () => join(room.path, "gate");

  /** Starts an inetd whose agent serves what these lines of nrpe.cfg say, too. */
  function serve(...lines: readonly string[]) {
    const config = room.file(
      "nrpe.cfg",
      [
        "command[ok]=echo fine",
        "command[who]=echo $PPID",
        `command[slow]=until [ -e ${gate()} ]; do sleep 0.05; done; echo done`,
        ...lines,
        "",
      ].join("\n"),
    );
    const argv = ["nrpe", "-n", "-c", config, "--inetd"];
    const service = { user: "nagios", program: room.binary, argv, wait: true };
    return startInetd(room, [service]);
  }

  /** Collects what a connection receives to its end. */
  async function receive(socket: Socket): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of socket) chunks.push(chunk as Uint8Array);
    return Buffer.concat(chunks);
  }

  function textIn(response: Uint8Array): string | undefined {
    const decoding = decodeResponse(response);
    return decoding.kind === "packet" ? decoding.packet.text : undefined;
  }

  const QUERY = encodeQuery({ version: 4, text: "slow" });

  test.each([
    ["says nothing", []],
    ["sends half a query", [QUERY.subarray(0, 500)]],
    ["has a command that runs on", [QUERY]],
  ])("keeps no other waiting when it %s, and is answered itself", async (_, sent) => {
    await using inetd = await serve();
    const [port] = inetd.ports as [number];
    const first = await open(port);
    const response = receive(first);
    let length = 0;
    for (const bytes of sent) {
      first.write(bytes);
      length += bytes.byteLength;
    }
    expect((await ask(port, "ok")).text).toBe("fine");
    first.write(QUERY.subarray(length));
    expect((await ask(port, "ok")).text).toBe("fine");
    writeFileSync(gate(), "");
    expect(textIn(await response)).toBe("done");
  });

  test("is answered when its command outlives the time-out", async () => {
    await using inetd = await serve("command_timeout=1");
    const answer = await ask(inetd.ports[0]!, "slow");
    expect(answer.text).toBe("NRPE: Command timed out after 1 seconds");
  });

  test("is answered before the agent ends by a signal", async () => {
    await using inetd = await serve();
    const [port] = inetd.ports as [number];
    const first = ask(port, "slow");
    const agent = Number((await ask(port, "who")).text);
    process.kill(agent, "SIGTERM");
    await inetd.syslog.until(/Caught SIGTERM/);
    writeFileSync(gate(), "");
    expect((await first).text).toBe("done");
    await waitUntil("the agent has ended", () => !isAlive(agent));
  });

  test("is refused by the access tables as every other one", async () => {
    const allow = room.file("allow", "");
    const deny = room.file("deny", "nrpe: 127.0.0.2\n");
    await using inetd = await serve(`hosts_allow_file=${allow}`, `hosts_deny_file=${deny}`);
    const [port] = inetd.ports as [number];
    const refusal = () => ask(port, "ok", { from: "127.0.0.2" }).catch((error) => error.message);
    const first = await refusal();
    expect(first).not.toBe("fine");
    expect((await ask(port, "ok")).text).toBe("fine");
    expect(await refusal()).toBe(first);
  });

  test("has the effects of its rule for itself, as every other one", async () => {
    const rule = "setenv MARK set: umask 027: nice 3: keepalive";
    const allow = room.file("allow", `nrpe: 127.0.0.2: ${rule}\nnrpe: ALL\n`);
    const deny = room.file("deny", "ALL: ALL\n");
    await using inetd = await serve(
      `hosts_allow_file=${allow}`,
      `hosts_deny_file=${deny}`,
      'command[seen]=echo "$MARK $(umask) $(nice)"',
    );
    const [port] = inetd.ports as [number];
    const answers = [];
    for (const from of ["127.0.0.2", "127.0.0.1", "127.0.0.2"]) {
      answers.push((await ask(port, "seen", { from })).text);
    }
    expect(answers).toEqual(["set 0027 3", " 0022 0", "set 0027 3"]);
  });
});

describe.skipIf(missing)("a wait service whose configuration changes", () => {
  /** Starts one that is asked once, and returns how to ask it again. */
  async function serve(files: Readonly<Record<string, string>>) {
    const main = Object.entries(files).map(([name, text]) => room.file(name, text))[0]!;
    const argv = ["nrpe", "-n", "-c", main, "--inetd"];
    const inetd = await startInetd(room, [
      { user: "nagios", program: room.binary, argv, wait: true },
    ]);
    const [port] = inetd.ports as [number];
    const agent = (await ask(port, "who")).text;
    // The first client is served before the agent reads the configuration for all others.
    expect((await ask(port, "who")).text).toBe(agent);
    return { inetd, agent, asked: async (name: string) => (await ask(port, name)).text };
  }

  const WHO = "command[who]=echo $PPID\n";

  test("serves the next check by it, in the same process", async () => {
    const { inetd, agent, asked } = await serve({ "nrpe.cfg": `${WHO}command[x]=echo old\n` });
    await using _ = inetd;
    expect(await asked("x")).toBe("old");
    room.file("nrpe.cfg", `${WHO}command[x]=echo new\n`);
    await waitUntil("the new command answers", async () => await asked("x") === "new");
    expect(await asked("who")).toBe(agent);
    await inetd.syslog.until(/The configuration has changed - reading it again\.\.\./);
  });

  test("notices files that are included, and those that join a directory", async () => {
    mkdirSync(join(room.path, "d"));
    const files = {
      "nrpe.cfg": `${WHO}include=${room.path}/more.cfg\ninclude_dir=${room.path}/d\n`,
      "more.cfg": "command[x]=echo old\n",
    };
    const { inetd, agent, asked } = await serve(files);
    await using _ = inetd;
    expect(await asked("x")).toBe("old");
    room.file("more.cfg", "command[x]=echo new\n");
    await waitUntil("the new command answers", async () => await asked("x") === "new");
    room.file("d/one.cfg", "command[y]=echo joined\n");
    await waitUntil("the joined command answers", async () => await asked("y") === "joined");
    expect(await asked("who")).toBe(agent);
  });

  test("keeps the old one where the new one has an error, and says so once", async () => {
    const { inetd, asked } = await serve({ "nrpe.cfg": `${WHO}command[x]=echo old\n` });
    await using _ = inetd;
    room.file("nrpe.cfg", `${WHO}command[x]=echo new\nserver_port=none\n`);
    const stays: unknown[] = [];
    const collect = () => {
      const lines = inetd.syslog.take();
      stays.push(...lines.filter(({ text }) => text.includes("the old configuration stays")));
    };
    await waitUntil("the log has it", async () => {
      expect(await asked("x")).toBe("old");
      collect();
      return stays.length > 0;
    });
    for (let time = 0; time < 3; time++) {
      await Bun.sleep(150);
      expect(await asked("x")).toBe("old");
    }
    room.file("nrpe.cfg", `${WHO}command[x]=echo mended\n`);
    await waitUntil("the mended command answers", async () => await asked("x") === "mended");
    collect();
    expect(stays).toHaveLength(1);
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
