/**
 * The log file, the pid file and the file that keeps a certificate, in directories where the agent's
 * user, or others, have laid traps for root; and Debian's init script, which relies on the pid file.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bindLibc, closeFile, Open, openFile } from "../../lib/system/libc.ts";
import { ask } from "../support/ask.ts";
import { tracingMissing } from "../support/faults.ts";
import { privateDev, startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { freePorts, isListening } from "../support/ports.ts";
import { isRunning, processesWith, statusOf } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { listenAsSyslog, type Syslog } from "../support/syslog.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("agent", "initScript", "inetd");

const SECRET = "root's secret\n";
const NOBODY = 65534;

let room: Room;
let syslog: Syslog;
let stack: AsyncDisposableStack;
/** A directory that the agent's user may write to, and the user. */
let run: string;
let nagios: { readonly uid: number; readonly gid: number };

beforeEach(() => {
  room = makeRoom();
  stack = new AsyncDisposableStack();
  stack.defer(() => room[Symbol.dispose]());
  syslog = stack.use(listenAsSyslog(join(room.path, "log.sock")));
  const [uid, gid] = ["-u", "-g"].map((option) =>
    Number(Bun.spawnSync(["id", option, "nagios"]).stdout.toString())
  ) as [number, number];
  nagios = { uid, gid };
  run = join(room.path, "run");
  mkdirSync(run);
  chownSync(run, uid, gid);
});

afterEach(() => stack.disposeAsync());

/** An agent in the foreground, with the test's syslog. */
interface Agent {
  readonly port: number;
  readonly pid: number;
  readonly exited: Promise<number>;
  /** What it has written to its terminal, when it has ended. */
  readonly complaints: () => Promise<string>;
  readonly signal: (signal: NodeJS.Signals) => void;
}

let count = 0;

/** How an agent is to be started. */
interface Launch {
  readonly port?: number;
  readonly tls?: boolean;
  /** What starts it. */
  readonly prefix?: readonly string[];
}

/** Starts an agent, as root, and waits for nothing. */
function launch(config: string, options: Launch = {}): Agent {
  const { port = freePorts(1)[0]!, tls = false, prefix = [] } = options;
  const file = room.file(
    `nrpe-${++count}.cfg`,
    `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
      `command[ok]=echo fine\n${config}`,
  );
  const command = [...prefix, room.binary, ...tls ? [] : ["-n"], "-c", file, "-f"];
  const script = `set -e\n${privateDev(room, syslog)}\nexec ${command.join(" ")}\n`;
  const agent = Bun.spawn(["unshare", "-m", "sh", "-c", script], {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: "/",
  });
  stack.defer(async () => {
    agent.kill("SIGKILL");
    await agent.exited;
  });
  return {
    port,
    pid: agent.pid,
    exited: agent.exited,
    complaints: () => agent.stderr.text(),
    signal: (signal) => agent.kill(signal),
  };
}

/** Starts an agent, and waits until it serves as the user that it is to be. */
async function start(config: string, options: Launch = {}): Promise<Agent> {
  const agent = launch(config, options);
  let ended = false;
  agent.exited.then(() => ended = true);
  await waitUntil("the agent serves", async () => {
    if (ended) throw new Error(`The agent ended: ${await agent.complaints()}`);
    return isListening(agent.port);
  });
  const asking = options.tls ? { tls: {} } : {};
  expect((await ask(agent.port, "ok", asking)).text).toBe("fine");
  return agent;
}

async function stop(agent: Agent): Promise<void> {
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
}

/** Lays something in an agent's way, perhaps for a file of root's. */
type Lay = (path: string, target: string) => void;

/** What is in the way, and what is said of it. */
const TRAPS: [what: string, lay: Lay, why: string][] = [
  ["a symbolic link", (path, target) => symlinkSync(target, path), "it is a symbolic link"],
  [
    "a link to nothing",
    (path, target) => symlinkSync(`${target}.absent`, path),
    "it is a symbolic link",
  ],
  ["a hard link", (path, target) => linkSync(target, path), "it is a hard link"],
  ["a FIFO", (path) => void Bun.spawnSync(["mkfifo", path]), "it is not a regular file"],
  ["a device", (path) => void Bun.spawnSync(["mknod", path, "c", "1", "3"]), "not a regular file"],
  [
    "somebody else's file",
    (path) => {
      writeFileSync(path, "theirs");
      chownSync(path, NOBODY, NOBODY);
    },
    `it belongs to user ${NOBODY}, not to root or the agent's user`,
  ],
];

/** Lays a trap; returns a check that neither it nor a file of root's has been touched. */
function setTrap(lay: Lay, path: string): () => void {
  const target = room.file("secret", SECRET, 0o600);
  lay(path, target);
  const before = lstatSync(path);
  return () => {
    expect(readFileSync(target, "latin1")).toBe(SECRET);
    expect(statSync(target).uid).toBe(0);
    const { ino, uid, gid, size, mode } = lstatSync(path);
    expect({ ino, uid, gid, size, mode }).toEqual({
      ino: before.ino,
      uid: before.uid,
      gid: before.gid,
      size: before.size,
      mode: before.mode,
    });
  };
}

/** A link to a directory of root's that the agent's user has put where a directory should be. */
function divert(): { readonly link: string; readonly target: string } {
  const target = join(room.path, "cron.d");
  mkdirSync(target);
  const link = join(run, "way");
  symlinkSync(target, link);
  return { link, target };
}

describe.skipIf(missing)("the log file", () => {
  test.each(TRAPS)(
    "%s is refused, and syslog takes its place and says why",
    async (_, lay, why) => {
      const path = join(run, "nrpe.log");
      const isUntouched = setTrap(lay, path);
      const agent = await start(`log_file=${path}\n`);
      await stop(agent);
      const texts = (await syslog.until(/Daemon shutdown/)).map(({ text }) => text).join("\n");
      expect(texts).toContain(`Warning: Cannot open log file '${path}' for writing: `);
      expect(texts).toContain(why);
      isUntouched();
    },
  );

  test("behind a link of the agent's user it is refused, behind one of root's it is not", async () => {
    const { link, target } = divert();
    const agent = await start(`log_file=${link}/nrpe.log\n`);
    await stop(agent);
    const texts = (await syslog.until(/Daemon shutdown/)).map(({ text }) => text).join("\n");
    expect(texts).toContain("'way' on the way to it is a symbolic link that somebody else");
    expect(readdirSync(target)).toEqual([]);

    symlinkSync("run", join(room.path, "roots"));
    await start(`log_file=${room.path}/roots/./nrpe.log\n`);
    const log = join(run, "nrpe.log");
    expect(readFileSync(log, "latin1")).toContain("Listening for connections");
    expect(statSync(log)).toMatchObject({ ...nagios, nlink: 1 });
  });

  test("one of root's that is for all to read is the agent's user's from then on", async () => {
    const log = room.file("run/nrpe.log", "old\n");
    chownSync(log, 0, 4);
    await start(`log_file=${log}\n`);
    expect(readFileSync(log, "latin1")).toMatch(/^old\n[^]*Starting up daemon/);
    expect(statSync(log)).toMatchObject({ uid: nagios.uid, gid: 4 });
  });

  test("a secret of root's that stands in its place is not given away", async () => {
    // The user has moved it there from another directory that it may write to.
    const log = room.file("run/nrpe.log", SECRET, 0o600);
    await start(`log_file=${log}\n`);
    expect(statSync(log)).toMatchObject({ uid: 0, mode: 0o100600 });
  });

  test("a link that takes its place is refused at SIGHUP too", async () => {
    const log = join(run, "nrpe.log");
    const agent = await start(`log_file=${log}\n`);
    renameSync(log, `${log}.1`);
    // One that the user itself may write to.
    const target = room.file("run/other", "");
    chownSync(target, nagios.uid, nagios.gid);
    symlinkSync(target, log);
    agent.signal("SIGHUP");
    await syslog.until(/Cannot open log file '.*nrpe\.log' for writing: it is a symbolic link/);
    expect(readFileSync(target, "latin1")).toBe("");
    unlinkSync(log);
    agent.signal("SIGHUP");
    await waitUntil("there is a log file again", () => existsSync(log));
    expect(readFileSync(`${log}.1`, "latin1")).toContain("Caught SIGHUP");
  });
});

describe.skipIf(missing)("the file that keeps a certificate", () => {
  test.each(TRAPS)(
    "%s is neither read nor replaced, and the agent serves with a certificate for this process",
    async (_, lay, why) => {
      const path = join(run, "tls.pem");
      const isUntouched = setTrap(lay, path);
      const agent = await start(`tls_state_file=${path}\n`, { tls: true });
      await stop(agent);
      const texts = (await syslog.until(/Daemon shutdown/)).map(({ text }) => text).join("\n");
      expect(texts).toContain(`Warning: Cannot use tls_state_file '${path}': `);
      expect(texts).toContain(why);
      isUntouched();
      expect(readdirSync(run)).toEqual(["tls.pem"]);
    },
  );

  test("behind a link of the agent's user it is not made", async () => {
    const { link, target } = divert();
    await start(`tls_state_file=${link}/tls.pem\n`, { tls: true });
    await syslog.until(/Cannot use tls_state_file .*'way' on the way to it/);
    expect(readdirSync(target)).toEqual([]);
  });

  test("a key of root's alone that stands in its place is not used", async () => {
    const state = join(room.path, "state.pem");
    const first = await start(`tls_state_file=${state}\n`, { tls: true });
    await stop(first);
    const moved = join(run, "tls.pem");
    renameSync(state, moved);
    chownSync(moved, 0, 0);
    await start(`tls_state_file=${moved}\n`, { tls: true });
    await syslog.until(/Cannot use tls_state_file .*it is root's alone/);
    expect(statSync(moved)).toMatchObject({ uid: 0, mode: 0o100600 });
  });

  test("a FIFO holds up no check under inetd, nor does one as log file, and both are reported", async () => {
    const paths = ["tls.pem", "nrpe.log"].map((name) => join(run, name)) as [string, string];
    Bun.spawnSync(["mkfifo", ...paths]);
    const config = room.file(
      "nrpe.cfg",
      `tls_state_file=${paths[0]}\nlog_file=${paths[1]}\ncommand[ok]=echo fine\n`,
    );
    const argv = ["nrpe", "-c", config, "--inetd"];
    const elsewhere = makeRoom();
    stack.defer(() => elsewhere[Symbol.dispose]());
    const inetd = stack.use(
      await startInetd(elsewhere, [{ user: "nagios", program: room.binary, argv }]),
    );
    expect((await ask(inetd.ports[0]!, "ok", { tls: {} })).text).toBe("fine");
    const lines = await inetd.syslog.until(
      /Cannot use tls_state_file '.*': it is not a regular file/,
    );
    expect(lines.some(({ text }) => text.includes(`Cannot open log file '${paths[1]}'`))).toBe(
      true,
    );
  });
});

describe.skipIf(missing || tracingMissing())("under strace", () => {
  test("no owner is changed by a path, and nothing is opened by one that the user could exchange", async () => {
    const trace = join(room.path, "trace");
    const files = { log_file: "nrpe.log", pid_file: "nrpe.pid", tls_state_file: "tls.pem" };
    const config = Object.entries(files).map(([name, file]) => `${name}=${run}/${file}\n`).join("");
    const calls =
      "trace=open,openat,openat2,chown,lchown,fchown,fchownat,rename,renameat,renameat2";
    // -D keeps the agent a child of the test.
    const prefix = [PEERS.strace.path, "-D", "-f", "-o", trace, "-e", calls];
    const agent = await start(config, { tls: true, prefix });
    await stop(agent);
    await waitUntil(
      "strace is done",
      () => /\+\+\+ exited with 0/.test(readFileSync(trace, "latin1")),
    );
    const text = readFileSync(trace, "latin1");
    expect(text).toMatch(/ fchown\([0-9]+, /);
    expect(text).not.toMatch(/ (chown|lchown|fchownat)\(/);
    expect(text).toMatch(/ renameat\(([0-9]+), "tls\.pem\.[0-9a-z]+", \1, "tls\.pem"\)/);
    expect(text).not.toContain(`"${run}/`);
    expect(readdirSync(run).sort()).toEqual(["nrpe.log", "tls.pem"]);
    for (const file of ["nrpe.log", "tls.pem"]) {
      expect(statSync(join(run, file))).toMatchObject(nagios);
    }
  });
});

const fcntl = bindLibc({
  fcntl: { args: ["i32", "i32", "buffer"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
});
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const LOCK_EX_NB = 2 | 4;

/** Takes the locks on a file that a user may take who may only read it. */
function lockAsReader(path: string): void {
  const fd = openFile(path, Open.readOnly);
  stack.defer(() => closeFile(fd));
  const whole = new Int32Array(8);
  whole[0] = F_RDLCK;
  expect(fcntl.fcntl(fd, F_OFD_SETLK, whole)).toBe(0);
  expect(fcntl.flock(fd, LOCK_EX_NB)).toBe(0);
}

describe.skipIf(missing)("the pid file", () => {
  test.each(TRAPS)(
    "%s is refused, and the agent does not start",
    async (_, lay, why) => {
      const path = join(run, "nrpe.pid");
      const isUntouched = setTrap(lay, path);
      const agent = launch(`pid_file=${path}\n`);
      expect(await agent.exited).toBe(2);
      const complaints = await agent.complaints();
      expect(complaints).toContain(`Cannot write to pidfile '${path}'`);
      expect(complaints).toContain(why);
      isUntouched();
    },
  );

  test("behind a link of the agent's user it is not made", async () => {
    const { link, target } = divert();
    const agent = launch(`pid_file=${link}/nrpe.pid\n`);
    expect(await agent.exited).toBe(2);
    expect(readdirSync(target)).toEqual([]);
  });

  test("stays root's while the agent is not, and is gone with it", async () => {
    const path = join(run, "nrpe.pid");
    const agent = await start(`pid_file=${path}\n`);
    expect(statusOf(agent.pid, "Uid").split("\t")[0]).toBe(String(nagios.uid));
    expect(readFileSync(path, "latin1")).toBe(`${agent.pid}\n`);
    expect(statSync(path)).toMatchObject({ uid: 0, gid: 0, mode: 0o100644 });
    await stop(agent);
    expect(readdirSync(run)).toEqual([]);
  });

  test("is emptied where only root could remove it", async () => {
    const path = join(room.path, "nrpe.pid");
    const agent = await start(`pid_file=${path}\n`);
    await stop(agent);
    expect(readFileSync(path, "latin1")).toBe("");
    const next = await start(`pid_file=${path}\n`);
    expect(readFileSync(path, "latin1")).toBe(`${next.pid}\n`);
  });

  test("is held up by no lock of a user that may only read it", async () => {
    const path = join(room.path, "nrpe.pid");
    room.file("nrpe.pid", "1\n");
    lockAsReader(path);
    const agent = await start(`pid_file=${path}\n`);
    expect(readFileSync(path, "latin1")).toBe(`${agent.pid}\n`);
    const second = launch(`pid_file=${path}\n`);
    expect(await second.exited).toBe(2);
    expect(await second.complaints()).toContain(
      `There's already an NRPE server running (PID ${agent.pid}).  Bailing out...`,
    );
  });

  test.each([["of the agent's user", 0o644], ["that all may write to", 0o666]] as const)(
    "%s is replaced by one of root's",
    async (whose, mode) => {
      const path = room.file("run/nrpe.pid", "1\n", mode);
      if (whose === "of the agent's user") chownSync(path, nagios.uid, nagios.gid);
      const { ino } = statSync(path);
      // A process that opened it before still has it open, for writing too.
      const kept = openFile(path, Open.readWrite);
      stack.defer(() => closeFile(kept));
      const agent = await start(`pid_file=${path}\n`);
      expect(readFileSync(path, "latin1")).toBe(`${agent.pid}\n`);
      expect(statSync(path)).toMatchObject({ uid: 0, gid: 0, mode: 0o100644 });
      expect(statSync(path).ino).not.toBe(ino);
    },
  );

  test("that names another agent that runs can be taken, since only the lock counts", async () => {
    const other = await start("");
    const path = room.file("run/nrpe.pid", `${other.pid}\n`);
    const agent = await start(`pid_file=${path}\n`);
    expect(readFileSync(path, "latin1")).toBe(`${agent.pid}\n`);
  });

  test.each([["its user's", "run"], ["root's", "."]])(
    "in a directory of %s stays the new agent's while the old one finishes",
    async (_, directory) => {
      const path = join(room.path, directory, "nrpe.pid");
      const go = join(room.path, "go");
      const config = `pid_file=${path}\nshutdown_timeout=100\ndebug=1\n` +
        `command[slow]=until test -e ${go}; do sleep 0.1; done; echo done\n`;
      const old = await start(config);
      const slow = ask(old.port, "slow");
      await syslog.until(/Running command: until/);
      old.signal("SIGTERM");
      await waitUntil("its port is free", () => !isListening(old.port));
      expect(isRunning(old.pid)).toBe(true);
      const fresh = await start(config, { port: old.port });
      const named = () => readFileSync(path, "latin1");
      expect(named()).toBe(`${fresh.pid}\n`);
      room.file("go", "");
      expect((await slow).text).toBe("done");
      expect(await old.exited).toBe(0);
      expect(named()).toBe(`${fresh.pid}\n`);
      await stop(fresh);
      expect(existsSync(path) ? named() : "").toBe("");
    },
  );

  test("of a C agent that runs is left alone, since its port is taken", async () => {
    const path = join(run, "nrpe.pid");
    const [port] = freePorts(1) as [number];
    const file = room.file(
      "c.cfg",
      `server_port=${port}\nserver_address=127.0.0.1\npid_file=${path}\n` +
        "nrpe_user=nagios\nnrpe_group=nagios\ncommand[x]=:\n",
    );
    Bun.spawnSync([PEERS.agent.path, "-n", "-c", file, "-d"], { cwd: "/" });
    await waitUntil("the C agent serves", () => existsSync(path) && isListening(port));
    const pid = Number(readFileSync(path, "latin1"));
    stack.defer(() => void process.kill(pid, "SIGKILL"));
    const agent = launch(`pid_file=${path}\n`, { port });
    expect(await agent.exited).toBe(2);
    expect(await agent.complaints()).toContain("Address already in use");
    expect(readFileSync(path, "latin1").trim()).toBe(String(pid));
  });
});

describe.skipIf(missing)("Debian's init script", () => {
  test("starts, reloads, restarts and stops the agent, and knows whether it runs", async () => {
    const [port] = freePorts(1) as [number];
    const directory = join(room.path, "pids");
    const pidFile = join(directory, "nrpe.pid");
    const write = (answer: string) =>
      room.file(
        "nrpe.cfg",
        `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
          `log_file=${run}/nrpe.log\npid_file=${pidFile}\ncommand[x]=echo ${answer}\n`,
      );
    const config = write("one");
    const defaults = room.file("defaults", "NRPE_OPTS=-n\n");
    const text = readFileSync(PEERS.initScript.path, "latin1")
      .replace(/^DAEMON=.*$/m, `DAEMON=${room.binary}`)
      .replace(/^CONFIG=.*$/m, `CONFIG=${config}`)
      .replace(/^PIDDIR=.*$/m, `PIDDIR=${directory}`)
      .replaceAll("/etc/default/nagios-nrpe-server", defaults);
    const script = room.file("init", text, 0o755);
    const init = (action: string) => Bun.spawnSync([script, action], { cwd: "/", timeout: 60_000 });
    const answers = async () => (await ask(port, "x")).text;
    const named = () => Number(readFileSync(pidFile, "latin1"));
    stack.defer(() => {
      for (const pid of processesWith(config)) process.kill(pid, "SIGKILL");
    });

    expect(init("start").exitCode).toBe(0);
    expect(await answers()).toBe("one");
    expect(init("status").exitCode).toBe(0);
    const first = named();
    expect(statusOf(first, "Uid").split("\t")[0]).toBe(String(nagios.uid));

    write("two");
    const reloaded = init("reload");
    expect([reloaded.exitCode, reloaded.stderr.toString()]).toEqual([0, ""]);
    await waitUntil("the new command", async () => await answers() === "two");
    expect(named()).toBe(first);

    const restarted = init("restart");
    expect([restarted.exitCode, restarted.stderr.toString()]).toEqual([0, ""]);
    expect(await answers()).toBe("two");
    expect(named()).not.toBe(first);
    expect(isRunning(first)).toBe(false);

    const second = named();
    const stopped = init("stop");
    expect([stopped.exitCode, stopped.stderr.toString()]).toEqual([0, ""]);
    await waitUntil("it has gone", () => !isRunning(second));
    expect(isListening(port)).toBe(false);
    expect(init("status").exitCode).not.toBe(0);
    expect(readdirSync(directory)).toEqual([]);

    // In a directory of root's an empty file is left, with which the script does as well.
    chownSync(directory, 0, 0);
    chmodSync(directory, 0o755);
    expect(init("start").exitCode).toBe(0);
    expect(init("status").exitCode).toBe(0);
    const third = named();
    expect(init("stop").exitCode).toBe(0);
    await waitUntil("it has gone too", () => !isRunning(third));
    expect(init("status").exitCode).not.toBe(0);
    expect(init("stop").exitCode).toBe(0);
    expect(init("start").exitCode).toBe(0);
    expect(await answers()).toBe("two");
    expect(init("stop").exitCode).toBe(0);
  });
});
