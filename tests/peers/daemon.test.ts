/** The compiled agent as a daemon, started by root, asked by check_nrpe and by many clients at once. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { ask, askOften, open } from "../support/ask.ts";
import { checkNrpe } from "../support/check_nrpe.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../support/daemon.ts";
import { inject, tracingMissing } from "../support/faults.ts";
import { peersMissing } from "../support/peers.ts";
import { freePorts, isListening } from "../support/ports.ts";
import { childrenOf, processesWith, statusOf } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("checkNrpe", "agent");

let room: Room;
let daemons: Daemon[];

beforeEach(() => {
  room = makeRoom();
  daemons = [];
});

afterEach(async () => {
  for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
  room[Symbol.dispose]();
});

async function start(options: DaemonOptions): Promise<Daemon> {
  const daemon = await startDaemon(room, options);
  daemons.push(daemon);
  return daemon;
}

describe.skipIf(missing)("with a daemon", () => {
  test("check_nrpe is answered in every version", async () => {
    const { port } = await start({ config: "command[bad]=echo bad; exit 2\n" });
    for (const version of [["-2"], ["-3"], []]) {
      expect(await checkNrpe(port, ...version, "-c", "bad")).toEqual({
        status: 2,
        output: "bad\n",
      });
    }
  });

  test("plugins get PATH, the kept variables and those of the user, and nothing else", async () => {
    const { port } = await start({
      config: "keep_env_vars=KEPT,ABSENT\ncommand[env]=/usr/bin/env\n",
      env: { KEPT: "kept", DROPPED: "dropped", NOTIFY_SOCKET: "/nonexistent" },
    });
    const { text } = await ask(port, "env");
    expect(text.split("\n").map((line) => line.replace(/=.*/, "")).sort()).toEqual([
      "HOME",
      "KEPT",
      "LOGNAME",
      "NRPE_MULTILINESUPPORT",
      "NRPE_PROGRAMVERSION",
      "PATH",
      "SHELL",
      "USER",
    ]);
    expect(text).toContain("USER=nagios");
    expect(text).toContain("PATH=/usr/bin:/bin:/usr/sbin:/sbin\n");
  });

  test("a limit of 100 days does not expire at once", async () => {
    const { port } = await start({
      config:
        "connection_timeout=8640000\ncommand_timeout=8640000\ncommand[ok]=sleep 0.2; echo fine\n",
    });
    expect((await ask(port, "ok")).text).toBe("fine");
  });

  test("a plugin past its time is ended with its whole group", async () => {
    const mark = `31${process.pid}`;
    const { port } = await start({
      config: `command_timeout=1\ncommand[slow]=sleep ${mark} & trap '' TERM; sleep ${mark}\n`,
    });
    expect(await ask(port, "slow")).toEqual({
      version: 4,
      code: 3,
      text: "NRPE: Command timed out after 1 seconds",
    });
    // Killed is not yet gone.
    await waitUntil("its group is gone", () => processesWith(`sleep ${mark}`).length === 0);
  });

  test("a background process delays no answer, and a killed plugin is CRITICAL", async () => {
    const mark = `32${process.pid}`;
    const { port } = await start({
      config: `command[left]=echo begun; sleep ${mark} &\ncommand[killed]=echo t; kill -9 $$$$\n`,
    });
    expect(await ask(port, "left")).toMatchObject({ code: 0, text: "begun" });
    expect(await ask(port, "killed")).toMatchObject({ code: 2, text: "t" });
    for (const pid of processesWith(`sleep ${mark}`)) process.kill(pid, "SIGKILL");
  });

  test("200 MB of output are read, and its first bytes answered", async () => {
    const { port } = await start({
      config: "command[torrent]=yes | head -c 200000000; exit 1\n",
    });
    const { code, text } = await ask(port, "torrent");
    expect(code).toBe(1);
    expect(text).toHaveLength(65535);
  });

  test("no zombie and no descriptor is left after 100 checks", async () => {
    const { port, pid } = await start({ config: "command[ok]=echo fine\n" });
    await ask(port, "ok");
    const before = readdirSync(`/proc/${pid}/fd`).length;
    expect(await askOften(port, "ok", { times: 100, atOnce: 10 })).toEqual(
      new Map([["fine", 100]]),
    );
    await waitUntil(
      "descriptors are closed",
      () => readdirSync(`/proc/${pid}/fd`).length <= before,
    );
    expect(childrenOf(pid)).toEqual([]);
  });
});

describe.skipIf(missing)("root", () => {
  test("gives up its rights for good", async () => {
    const { pid, port } = await start({ config: "command[id]=id -u; id -G; id -g\n" });
    // Who is answered is answered by an agent that has given them up.
    const answered = await ask(port, "id");
    const uid = statusOf(pid, "Uid").split("\t");
    expect(new Set(uid).size).toBe(1);
    expect(uid[0]).not.toBe("0");
    expect(new Set(statusOf(pid, "Gid").split("\t")).size).toBe(1);
    expect(statusOf(pid, "Groups").trim().split(" ")).not.toContain("0");
    expect(statusOf(pid, "CapEff")).toMatch(/^0+$/);
    expect(statusOf(pid, "CapPrm")).toMatch(/^0+$/);
    expect(answered.text.split("\n")[0]).toBe(uid[0]!);
    for (const task of readdirSync(`/proc/${pid}/task`).map(Number)) {
      // The runtime ends threads that have nothing to do.
      if (existsSync(`/proc/${task}`)) expect(statusOf(task, "Uid")).toBe(uid.join("\t"));
    }
  });

  test("is refused without nrpe_user", () => {
    const [port] = freePorts(1);
    const config = room.file("root.cfg", `server_port=${port}\nserver_address=127.0.0.1\n`);
    const agent = Bun.spawnSync([room.binary, "-n", "-c", config, "-f"], { cwd: "/" });
    expect(agent.exitCode).toBe(2);
    expect(agent.stderr.toString()).toContain("NRPE daemon cannot be run as user/group root!");
  });
});

describe.skipIf(missing)("by the limits of nrpe.cfg", () => {
  test("a host outside allowed_hosts is reset and logged, and one inside is served", async () => {
    const daemon = await start({ config: "allowed_hosts=127.0.0.0/31\ncommand[ok]=echo fine\n" });
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    const refusal = ask(daemon.port, "ok", { from: "127.0.0.2" });
    await expect(refusal).rejects.toThrow("ECONNRESET");
    await daemon.logged(/Host 127\.0\.0\.2 is not allowed to talk to us!/);
  });

  test("a name in allowed_hosts is looked up", async () => {
    const { port } = await start({ config: "allowed_hosts=localhost\ncommand[ok]=echo fine\n" });
    expect((await ask(port, "ok")).text).toBe("fine");
    await expect(ask(port, "ok", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
  });

  test("connections beyond a source's limit are reset, with one line for many", async () => {
    const daemon = await start({
      config: "max_connections_per_source=3\ncommand[ok]=echo fine\n",
    });
    const idle = await Promise.all([1, 2, 3].map(() => open(daemon.port, "127.0.0.2")));
    for (let time = 0; time < 10; time++) {
      await expect(ask(daemon.port, "ok", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
    }
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    // One in ten seconds, and ten refusals can take longer.
    expect(daemon.log().match(/see max_connections_per_source/g)!.length).toBeLessThan(10);
    for (const socket of idle) socket.destroy();
    await waitUntil(
      "the source is served again",
      () => ask(daemon.port, "ok", { from: "127.0.0.2" }).then(() => true, () => false),
    );
  });
});

describe.skipIf(missing)("memory", () => {
  test("that the start alone needed is given back after the first check", async () => {
    const { pid, port } = await start({ config: "command[ok]=echo fine\n" });
    // In KiB; the code of the program takes most of it.
    const resident = () => parseInt(statusOf(pid, "RssFile"));
    const before = resident();
    expect((await ask(port, "ok")).text).toBe("fine");
    await waitUntil("the process takes less memory", () => resident() < before * 0.75);
    expect((await ask(port, "ok")).text).toBe("fine");
  });
});

describe.skipIf(missing)("access tables", () => {
  const tables = (allow: string, deny = "ALL: ALL\n") =>
    `hosts_allow_file=${room.file("hosts.allow", allow)}\n` +
    `hosts_deny_file=${room.file("hosts.deny", deny)}\n`;

  test("decide who is served, and are read again for each connection", async () => {
    const daemon = await start({ config: `${tables("nrpe: 127.0.0.1\n")}command[ok]=echo fine\n` });
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    await expect(ask(daemon.port, "ok", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
    await daemon.logged(/refused connect from 127\.0\.0\.2/);
    expect(daemon.log()).not.toContain("connect from 127.0.0.1");
    tables("nrpe: 127.0.0.2\n");
    expect((await ask(daemon.port, "ok", { from: "127.0.0.2" })).text).toBe("fine");
    await expect(ask(daemon.port, "ok")).rejects.toThrow("ECONNRESET");
  });

  test("have names looked up, commands run and variables set", async () => {
    const spawned = join(room.path, "spawned");
    Bun.spawnSync(["install", "-d", "-m", "777", spawned]);
    const { port } = await start({
      config: tables(
        `nrpe: localhost: spawn (touch ${spawned}/%a.%d): setenv RULE yes: setenv HOME /gone\n`,
      ) + 'command[env]=echo "$RULE $HOME"\n',
    });
    expect((await ask(port, "env")).text).toBe("yes /gone");
    await waitUntil("the command has run", () => readdirSync(spawned).includes("127.0.0.1.nrpe"));
  });

  test.each([
    "twist /bin/echo",
    "user nobody",
    "user nagios.nogroup",
    "group nogroup",
    "aclexec /bin/false",
  ])(
    "refuse a client by the option %s, and leave the agent as it is",
    async (option) => {
      const daemon = await start({
        config: `${tables(`nrpe: 127.0.0.2: ${option}\nnrpe: ALL\n`)}command[ok]=echo fine\n`,
      });
      await expect(ask(daemon.port, "ok", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
      await daemon.logged(/refused connect from 127\.0\.0\.2/);
      expect((await ask(daemon.port, "ok")).text).toBe("fine");
    },
  );

  test("grant the user and group that the agent has anyway", async () => {
    const { port } = await start({
      config: `${tables("nrpe: ALL: user nagios: group nagios: user nagios.nagios\n")}` +
        "command[id]=id -un; id -G\n",
    });
    const groups = Bun.spawnSync(["id", "-G", "nagios"]).stdout.toString();
    expect((await ask(port, "id")).text).toBe(`nagios\n${groups.trimEnd()}`);
  });

  test("apply nice and umask to what a rule's clients have started, and to nothing else", async () => {
    const spawned = room.file("spawned", "", 0o666);
    const daemon = await start({
      config: tables(
        "nrpe: 127.0.0.2: nice 3: umask 027: nice -1: nice 4:" +
          ` spawn (nice; umask) > ${spawned}: umask 077\nnrpe: ALL\n`,
      ) + "command[nice]=/usr/bin/nice\ncommand[umask]=umask; cat; kill -TERM $$$$\n" +
        "command[missing]=/nonexistent/plugin\ncommand[file]=/etc/passwd\n" +
        "command[words]=/usr/bin/printf %s/ a  b\tc %% -- -n\ncommand[env]=env | sort\n",
    });
    const own = await ask(daemon.port, "nice");
    // The agent's user may not lower a nice value again.
    const nicer = Math.min(Number(own.text) + 3 + 4, 19);
    const [asked, others] = await Promise.all(
      ["127.0.0.2", "127.0.0.1"].map((from) =>
        Promise.all(Array.from({ length: 10 }, () => ask(daemon.port, "nice", { from })))
      ),
    );
    expect(new Set(asked!.map(({ text }) => text))).toEqual(new Set([String(nicer)]));
    expect(new Set(others!.map(({ text }) => text))).toEqual(new Set([own.text]));
    expect(readFileSync(spawned, "latin1")).toBe(`${nicer}\n0027\n`);
    const mask = await ask(daemon.port, "umask");
    expect(await ask(daemon.port, "umask", { from: "127.0.0.2" })).toEqual({
      ...mask,
      text: "0077",
    });
    expect(mask.text).not.toBe("0077");
    expect(statusOf(daemon.pid, "Umask")).toBe(mask.text);
    for (const command of ["missing", "file", "words", "env"]) {
      expect(await ask(daemon.port, command, { from: "127.0.0.2" })).toEqual(
        await ask(daemon.port, command),
      );
    }
  });

  test("hold up no other client by a slow command of one rule", async () => {
    const go = join(room.path, "go");
    const slowly = `spawn until test -e ${go}; do sleep 0.1; done`;
    const { port } = await start({
      config: `${tables(`nrpe: 127.0.0.2: ${slowly}\nnrpe: ALL\n`)}command[ok]=echo fine\n`,
    });
    const order: string[] = [];
    const slow = ask(port, "ok", { from: "127.0.0.2" }).then(() => order.push("slow"));
    await open(port).then((socket) => socket.destroy());
    await ask(port, "ok").then(() => order.push("quick"));
    room.file("go", "");
    await slow;
    expect(order).toEqual(["quick", "slow"]);
  });
});

describe.skipIf(missing)("with max_commands", () => {
  test("no more commands run at once, and all are answered", async () => {
    const directory = join(room.path, "running");
    mkdirSync(directory, { mode: 0o777 });
    Bun.spawnSync(["chmod", "777", directory]);
    const count = `cd ${directory} && mkdir $$$$ && ls | wc -l && sleep 0.05; rmdir $$$$`;
    const { port } = await start({ config: `max_commands=3\ncommand[count]=${count}\n` });
    const answers = await askOften(port, "count", { times: 40, atOnce: 20 });
    expect([...answers.values()].reduce((sum, one) => sum + one)).toBe(40);
    expect([...answers.keys()].every((text) => Number(text) >= 1 && Number(text) <= 3)).toBe(true);
  });

  test("a plugin that cannot be ended gives its slot back at the time-out", async () => {
    const setpriv = room.file("setpriv", readFileSync("/usr/bin/setpriv"), 0o4755);
    const { port, logged, log } = await start({
      config: "max_commands=1\ncommand_timeout=1\ncommand[ok]=echo fine\n" +
        `command[root]=${setpriv} --reuid=0 --regid=0 --clear-groups sleep 1000\n`,
    });
    expect((await ask(port, "root")).text).toBe("NRPE: Command timed out after 1 seconds");
    expect((await ask(port, "ok")).text).toBe("fine");
    const left = /command\[root\]: timed out, and process ([0-9]+) \(sleep\) could not be ended/;
    await logged(left);
    process.kill(Number(left.exec(log())![1]), "SIGKILL");
  });

  test("commands that wait begin when the limit is raised", async () => {
    const mark = `34${process.pid}`;
    const daemon = await start({
      config: `max_commands=1\ncommand[hold]=touch ${room.path}/held; sleep ${mark}\n` +
        "command[ok]=echo fine\n",
    });
    Bun.spawnSync(["chmod", "777", room.path]);
    void ask(daemon.port, "hold").catch(() => {});
    await waitUntil("the slot is taken", () => existsSync(join(room.path, "held")));
    const answer = ask(daemon.port, "ok");
    daemon.configure("max_commands=2\ncommand[ok]=echo fine\n");
    daemon.signal("SIGHUP");
    expect((await answer).text).toBe("fine");
    for (const pid of processesWith(`sleep ${mark}`)) process.kill(pid, "SIGKILL");
  });

  test("a client that waits too long gets the answer of a time-out", async () => {
    const { port } = await start({
      config: "max_commands=1\ncommand_timeout=1\ncommand[slow]=sleep 30\n",
    });
    const answers = await askOften(port, "slow", { times: 3, atOnce: 3 });
    expect(answers).toEqual(new Map([["NRPE: Command timed out after 1 seconds", 3]]));
  });
});

describe.skipIf(missing)("at start and end", () => {
  /** Runs the agent as a daemon in the background. */
  function background(config: string) {
    return Bun.spawnSync([room.binary, "-n", "-c", config, "-d"], {
      cwd: room.path,
      timeout: 120_000,
    });
  }

  /** A directory that the agent's user may write to. */
  function ownDirectory(): string {
    const path = join(room.path, "run");
    mkdirSync(path);
    const [uid, gid] = ["-u", "-g"].map((option) =>
      Number(Bun.spawnSync(["id", option, "nagios"]).stdout.toString())
    ) as [number, number];
    chownSync(path, uid, gid);
    return path;
  }

  function write(name: string, port: number, pidFile: string, rest = ""): string {
    return room.file(
      name,
      `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
        `pid_file=${pidFile}\nlog_file=${room.path}/${name}.log\n${rest}command[ok]=echo fine\n`,
    );
  }

  test("-d returns when the agent serves, and SIGTERM ends it and removes the pid file", async () => {
    const [port] = freePorts(1) as [number];
    const pidFile = join(ownDirectory(), "nrpe.pid");
    write("nrpe.cfg", port, pidFile);
    const started = background("nrpe.cfg");
    expect(started.stderr.toString()).toBe("");
    expect(started.exitCode).toBe(0);
    const pid = Number(readFileSync(pidFile, "latin1"));
    try {
      expect((await ask(port, "ok")).text).toBe("fine");
      expect(readFileSync(`/proc/${pid}/stat`, "latin1").split(" ")[5]).toBe(String(pid));
      const second = background("nrpe.cfg");
      expect(second.exitCode).toBe(2);
      expect(second.stderr.toString()).toContain("Bind to port");
      const other = write("other.cfg", freePorts(1)[0]!, pidFile);
      expect(background(other).stderr.toString()).toContain(
        `There's already an NRPE server running (PID ${pid}).  Bailing out...`,
      );
    } finally {
      process.kill(pid, "SIGTERM");
    }
    const log = () => readFileSync(join(room.path, "nrpe.cfg.log"), "latin1");
    await waitUntil("its last line is logged", () => log().includes("Daemon shutdown"));
    expect(log()).toMatch(
      /Starting up daemon[^]*Server listening on 127\.0\.0\.1 port [0-9]+\.[^]*Caught SIGTERM - shutting down\.\.\.[^]*Daemon shutdown/,
    );
    expect(readdirSync(join(room.path, "run"))).toEqual([]);
  });

  test("a pid file that a killed agent left is written anew", async () => {
    const [port] = freePorts(1) as [number];
    const pidFile = join(ownDirectory(), "nrpe.pid");
    const config = write("nrpe.cfg", port, pidFile);
    expect(background(config).exitCode).toBe(0);
    const first = Number(readFileSync(pidFile, "latin1"));
    process.kill(first, "SIGKILL");
    await waitUntil("the port is free", () => !isListening(port));
    expect(readFileSync(pidFile, "latin1")).toBe(`${first}\n`);
    expect(background(config).exitCode).toBe(0);
    const second = Number(readFileSync(pidFile, "latin1"));
    process.kill(second, "SIGTERM");
    expect(second).not.toBe(first);
    await waitUntil("the port is free again", () => !isListening(port));
  });

  test("an error of nrpe.cfg is printed on standard error", () => {
    const config = room.file("bad.cfg", "command_timeout=soon\n");
    const started = background(config);
    expect(started.exitCode).toBe(2);
    expect(started.stderr.toString()).toContain("Invalid command_timeout specified");
  });

  test("SIGTERM lets running checks end, and ends those that take too long", async () => {
    const go = join(room.path, "go");
    const daemon = await start({
      config:
        `shutdown_timeout=10\ncommand[short]=until test -e ${go}; do sleep 0.1; done; echo done\n` +
        `command[long]=sleep 33${process.pid}\ndebug=1\n`,
    });
    const [short, long] = [ask(daemon.port, "short"), ask(daemon.port, "long")];
    await daemon.logged(/Running command: [^]*Running command: /);
    daemon.signal("SIGTERM");
    await daemon.logged(/Caught SIGTERM/);
    room.file("go", "");
    expect((await short).text).toBe("done");
    expect((await long).code).toBe(3);
    expect(await daemon.exited).toBe(0);
    await waitUntil("it has gone", () => processesWith(`sleep 33${process.pid}`).length === 0);
  });
});

describe.skipIf(missing)("SIGHUP", () => {
  test("applies a changed nrpe.cfg, and keeps the old one where the new one has an error", async () => {
    const daemon = await start({ config: "command[x]=echo one\n" });
    expect((await ask(daemon.port, "x")).text).toBe("one");
    daemon.configure("command[x]=echo two\n");
    daemon.signal("SIGHUP");
    await waitUntil("the new command", async () => (await ask(daemon.port, "x")).text === "two");
    daemon.configure("command[x]=echo three\ncommand_timeout=never\n");
    daemon.signal("SIGHUP");
    await daemon.logged(/the old configuration stays/);
    expect(daemon.log()).toContain("Invalid command_timeout specified");
    expect((await ask(daemon.port, "x")).text).toBe("two");
  });

  test("moves to another port, address and log file, and follows a link that leads elsewhere", async () => {
    const [first, second] = freePorts(2) as [number, number];
    const text = (port: number, address: string, log: string) =>
      `server_port=${port}\nserver_address=${address}\nnrpe_user=nagios\nnrpe_group=nagios\n` +
      `log_file=${log}\ncommand[x]=echo ${port} ${address}\n`;
    const logs = ["a.log", "b.log"].map((name) => room.file(name, "", 0o666));
    room.file("a.cfg", text(first, "127.0.0.1", logs[0]!));
    room.file("b.cfg", text(second, "127.0.0.1,127.0.0.2", logs[1]!));
    room.file("c.cfg", text(second, "0.0.0.0", logs[1]!));
    const link = join(room.path, "link.cfg");
    const lead = (to: string) => {
      try {
        unlinkSync(link);
      } catch {
        // The first time there is none.
      }
      symlinkSync(to, link);
    };
    lead("a.cfg");
    const agent = Bun.spawn([room.binary, "-n", "-c", "link.cfg", "-f"], { cwd: room.path });
    const answers = async (port: number, answer: string) =>
      await waitUntil(
        answer,
        () => ask(port, "x").then(({ text }) => text === answer, () => false),
      );
    try {
      await answers(first, `${first} 127.0.0.1`);
      lead("b.cfg");
      agent.kill("SIGHUP");
      await answers(second, `${second} 127.0.0.1,127.0.0.2`);
      await waitUntil("the old port is free", () => !isListening(first));
      expect(readFileSync(logs[1]!, "latin1")).toContain("Server listening on 127.0.0.2");
      lead("c.cfg");
      agent.kill("SIGHUP");
      await answers(second, `${second} 0.0.0.0`);
    } finally {
      agent.kill("SIGKILL");
      await agent.exited;
    }
  });

  test("leaves no descriptor open and takes little memory, 200 times", async () => {
    const daemon = await start({
      config: "allowed_hosts=127.0.0.1,localhost\ncommand[ok]=echo fine\n",
    });
    const reload = async () => {
      const from = daemon.log().length;
      daemon.signal("SIGHUP");
      await daemon.logged(/restarting[^]*(NOT )?initialized/, from);
    };
    for (let time = 0; time < 20; time++) await reload();
    const descriptors = readdirSync(`/proc/${daemon.pid}/fd`).length;
    const memory = Number(statusOf(daemon.pid, "VmRSS").split(" ")[0]);
    for (let time = 0; time < 180; time++) await reload();
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    await waitUntil(
      "descriptors are closed",
      () => readdirSync(`/proc/${daemon.pid}/fd`).length <= descriptors,
    );
    expect(Number(statusOf(daemon.pid, "VmRSS").split(" ")[0])).toBeLessThan(memory + 20_000);
  });
});

describe.skipIf(missing)("where resources are short,", () => {
  const limit = (pid: number, what: string) => {
    const asNagios = ["setpriv", "--reuid=nagios", "--regid=nagios", "--clear-groups"];
    const set = Bun.spawnSync([...asNagios, "prlimit", "--pid", String(pid), what]);
    expect(set.stderr.toString()).toBe("");
  };

  test("connections wait for descriptors, the log says so, and they are served later", async () => {
    const daemon = await start({ config: "command[ok]=echo fine\n" });
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    limit(daemon.pid, "--nofile=24:");
    const idle = await Promise.all(Array.from({ length: 30 }, () => open(daemon.port)));
    await daemon.logged(/Network server accept failure \(24: Too many open files\)/);
    const answer = ask(daemon.port, "ok");
    limit(daemon.pid, "--nofile=512:");
    expect((await answer).text).toBe("fine");
    for (const socket of idle) socket.destroy();
  });

  test.skipIf(tracingMissing())(
    "connections wait for files of the whole system, also where there are too few to go on",
    async () => {
      const daemon = await start({ config: "command[ok]=echo fine\n" });
      // Shortage is over for the probe, but again there when it comes to accepting.
      const faults = await inject(room, daemon.pid, {
        accept4: "ENFILE",
        socket: "ENFILE:when=1",
        fcntl: "EMFILE",
      });
      const answers = [ask(daemon.port, "ok"), ask(daemon.port, "ok")];
      await daemon.logged(/Network server accept failure \(23: Too many open files in system\)/);
      await faults.failed("fcntl");
      await faults[Symbol.asyncDispose]();
      for (const answer of answers) expect((await answer).text).toBe("fine");
    },
  );

  test("a plugin that cannot be started is answered and logged, and the next one runs", async () => {
    const daemon = await start({ config: "command[ok]=/bin/echo fine\n" });
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    limit(daemon.pid, "--nproc=1:");
    expect(await ask(daemon.port, "ok")).toMatchObject({
      code: 3,
      text: expect.stringContaining("Resource temporarily unavailable"),
    });
    await daemon.logged(/could not start a command/);
    // Long enough for a runtime to want another thread, which it gets as little as a plugin.
    const answers = await askOften(daemon.port, "ok", { times: 400, atOnce: 10 });
    expect([...answers.values()]).toEqual([400]);
    expect([...answers.keys()][0]).toContain("Resource temporarily unavailable");
    limit(daemon.pid, "--nproc=4096:");
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
  });
});

describe.skipIf(missing)("with many clients at once", () => {
  test("64 can connect while the agent is busy, and all of them are answered", async () => {
    const { port, signal } = await start({ config: "command[ok]=echo fine\n" });
    // It accepts none of them now; those that its queue had no room for would not be connected.
    signal("SIGSTOP");
    const sockets = await Promise.all(Array.from({ length: 64 }, () => open(port)));
    const answers = sockets.map(async (socket) => {
      socket.write(encodeQuery({ version: 4, text: "ok" }));
      const [answer] = await once(socket, "data") as [Uint8Array];
      return decodeResponse(answer);
    });
    signal("SIGCONT");
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ packet: { code: 0, text: "fine" } });
    }
    expect(await askOften(port, "ok", { times: 256, atOnce: 64 })).toEqual(
      new Map([["fine", 256]]),
    );
  });

  test.each([["plain", ["-n"]], ["TLS", []]] as const)(
    "what a client sends while its check runs is not kept in memory (%s)",
    async (kind, args) => {
      const daemon = await start({ config: "command[slow]=/bin/sleep 2\n", args });
      const to = { port: daemon.port, host: "127.0.0.1", rejectUnauthorized: false };
      const client = kind === "TLS" ? connectTls(to) : connect(to);
      client.on("error", () => {});
      await once(client, kind === "TLS" ? "secureConnect" : "connect");
      const memory = Number(statusOf(daemon.pid, "VmRSS").split(" ")[0]);
      client.write(encodeQuery({ version: 4, text: "slow" }));
      client.write(new Uint8Array(200_000_000));
      await once(client, "data");
      expect(Number(statusOf(daemon.pid, "VmRSS").split(" ")[0])).toBeLessThan(memory + 40_000);
      client.destroy();
    },
  );

  test("idle and slow clients hold up none of 2,000 checks, nor do reloads", async () => {
    const daemon = await start({ config: "command[ok]=/bin/echo fine\n" });
    const idle = await Promise.all(Array.from({ length: 500 }, () => open(daemon.port)));
    const slow = await Promise.all(Array.from({ length: 50 }, () => open(daemon.port)));
    for (const socket of [...idle, ...slow]) socket.on("error", () => {});
    const drip = setInterval(() => slow.forEach((socket) => socket.write(Uint8Array.of(0))), 1000);
    const hangups = setInterval(() => daemon.signal("SIGHUP"), 100);
    try {
      const answers = await askOften(daemon.port, "ok", { times: 2000, atOnce: 16 });
      expect(answers).toEqual(new Map([["fine", 2000]]));
    } finally {
      clearInterval(drip);
      clearInterval(hangups);
      for (const socket of [...idle, ...slow]) socket.destroy();
    }
  });
});
