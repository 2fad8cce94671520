/** What the one who starts the agent leaves to it: signals and descriptors. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../support/ask.ts";
import { startDaemon } from "../support/daemon.ts";
import { tracingMissing } from "../support/faults.ts";
import { startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { isRunning } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { perlStarter, shellStarter } from "../support/starter.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("inetd", "plugins");
const noTracing = tracingMissing();

const MODES = ["nowait", "wait", "foreground", "daemon"] as const;

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

const COMMANDS = `command_timeout=1
command[critical]=/bin/sh -c 'echo bad; exit 2'
command[slow]=/bin/sleep 100
command[descriptors]=/bin/ls -l /proc/self/fd
command[pid]=echo $PPID
command[blocked]=grep -h SigBlk /proc/$PPID/status /proc/self/status
`;

/** An agent that serves in one of the modes, on a port. */
interface Served extends AsyncDisposable {
  readonly port: number;
}

/** Lets a starter start the agent. */
async function serve(mode: typeof MODES[number], starter: string): Promise<Served> {
  switch (mode) {
    case "nowait":
    case "wait": {
      const argv = ["nrpe", "-n", "-c", room.file("nrpe.cfg", COMMANDS), "--inetd"];
      const service = { user: "nagios", program: starter, argv, wait: mode === "wait" };
      const inetd = await startInetd(room, [service]);
      return {
        port: inetd.ports[0]!,
        [Symbol.asyncDispose]: () => inetd[Symbol.asyncDispose](),
      };
    }
    case "foreground":
      return await startDaemon({ ...room, binary: starter }, { config: COMMANDS });
    case "daemon":
      return startInBackground(starter);
  }
}

function startInBackground(starter: string): Served {
  const [port] = freePorts(1) as [number];
  const directory = join(room.path, "run");
  mkdirSync(directory);
  const [uid, gid] = ["-u", "-g"].map((option) =>
    Number(Bun.spawnSync(["id", option, "nagios"]).stdout.toString())
  ) as [number, number];
  chownSync(directory, uid, gid);
  const pidFile = join(directory, "nrpe.pid");
  const config = room.file(
    "nrpe.cfg",
    `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
      `pid_file=${pidFile}\nlog_file=${directory}/log\n${COMMANDS}`,
  );
  const started = Bun.spawnSync([starter, "-n", "-c", config, "-d"], { timeout: 120_000 });
  expect({ status: started.exitCode, stderr: started.stderr.toString() })
    .toEqual({ status: 0, stderr: "" });
  const pid = Number(readFileSync(pidFile, "latin1"));
  return {
    port,
    async [Symbol.asyncDispose]() {
      process.kill(pid, "SIGKILL");
      await waitUntil("the daemon has ended", () => !isRunning(pid));
    },
  };
}

/** The bits of SIGCHLD, SIGURG and SIGIO in the sets of signals of proc_pid_status(5). */
const EVENT_SIGNALS = (1n << 16n) | (1n << 22n) | (1n << 28n);

const SIGNALS: readonly [what: string, code: string][] = [
  ["SIGCHLD ignored", '$SIG{CHLD} = "IGNORE";'],
  [
    "every signal blocked",
    "my $all = POSIX::SigSet->new; $all->fillset; sigprocmask(SIG_BLOCK, $all);",
  ],
  [
    "SIGALRM, SIGHUP, SIGIO, SIGPIPE and SIGTERM ignored",
    '$SIG{$_} = "IGNORE" for qw(ALRM HUP IO PIPE TERM);',
  ],
];

describe.skipIf(missing).each(MODES)("%s, started with", (mode) => {
  test.each(SIGNALS)("%s, returns states and ends plugins past their time", async (_, code) => {
    await using agent = await serve(mode, perlStarter(room, code));
    expect(await ask(agent.port, "critical")).toMatchObject({ code: 2, text: "bad" });
    expect((await ask(agent.port, "slow")).text).toContain("timed out");
    expect(await ask(agent.port, "critical")).toMatchObject({ code: 2, text: "bad" });
    const blocked = (await ask(agent.port, "blocked")).text.split("\n").map((line) =>
      BigInt(`0x${line.slice("SigBlk:\t".length)}`)
    );
    // Those that tell the agent of its children are blocked while it does not wait for events.
    const [own, plugin] = blocked as [bigint, bigint];
    expect(own & ~EVENT_SIGNALS).toBe(0n);
    expect(plugin).toBe(0n);
  });

  test("open descriptors, passes none on to plugins", async () => {
    const left = room.file("left open", "");
    const starter = shellStarter(room, `exec 3<'${left}' 4<'${left}' 9<'${left}'`);
    await using agent = await serve(mode, starter);
    const { text } = await ask(agent.port, "descriptors");
    expect(text).toContain("0 -> /dev/null");
    expect(text).not.toContain("left open");
  });
});

describe.skipIf(missing).each(["foreground", "daemon"] as const)("%s", (mode) => {
  test("closes what its starter has left open", async () => {
    const left = room.file("left open", "");
    const starter = shellStarter(room, `exec 3<'${left}' 4<'${left}' 9<'${left}'`);
    await using agent = await serve(mode, starter);
    const { text: pid } = await ask(agent.port, "pid");
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(open).toContain("/dev/null");
    expect(open).not.toContain(left);
  });
});

describe.skipIf(missing || noTracing)("where the kernel has no close_range(2)", () => {
  test("plugins get none of the starter's descriptors either", async () => {
    const left = room.file("left open", "");
    const strace = `${PEERS.strace.path} -f -qq -o /dev/null -e trace=close_range ` +
      `-e inject=close_range:error=ENOSYS ${room.binary}`;
    const starter = shellStarter(room, `exec 3<'${left}' 9<'${left}'`, strace);
    await using agent = await serve("nowait", starter);
    const { text } = await ask(agent.port, "descriptors");
    expect(text).toContain("0 -> /dev/null");
    expect(text).not.toContain("left open");
  });
});
