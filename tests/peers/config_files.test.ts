/** The files of a configuration as the compiled agent reads them: unreadable, changing, missing. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { startAgent } from "../support/agent.ts";
import { ask } from "../support/ask.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { inject, tracingMissing } from "../support/faults.ts";
import { startForeground } from "../support/foreground.ts";
import { startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("inetd");

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

async function start(config: string): Promise<Daemon> {
  const daemon = await startDaemon(room, { config });
  daemons.push(daemon);
  return daemon;
}

/** Sends SIGHUP and waits until the log says what came of it; returns what was logged. */
async function reload(daemon: Daemon): Promise<string> {
  const from = daemon.log().length;
  daemon.signal("SIGHUP");
  await daemon.logged(/the old configuration stays|Listening for connections/, from);
  return daemon.log().slice(from);
}

/** What one check under inetd comes to: the answer, or nothing, and the exit status. */
async function checkOnce(config: string): Promise<{ answer: string | undefined; status: number }> {
  const agent = startAgent(room.binary, ["-n", "-c", config, "-i"]);
  agent.send(encodeQuery({ version: 4, text: "ok" }));
  const decoding = decodeResponse(await agent.received());
  const answer = decoding.kind === "packet" ? decoding.packet.text : undefined;
  return { answer, status: await agent.exited };
}

function directory(name: string, mode = 0o755): string {
  const path = join(room.path, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

const FORBIDDING = "allowed_hosts=127.0.0.1\ndont_blame_nrpe=0\n";
const PERMITTING = "dont_blame_nrpe=1\ncommand[ok]=echo fine $ARG1$\n";

describe.skipIf(missing)("an include that root alone may read", () => {
  /** Ways to include a file that forbids, which the agent's user cannot follow. */
  const ways: readonly [what: string, make: () => string, reason: RegExp][] = [
    [
      "a file",
      () => `include=${room.file("secret.cfg", FORBIDDING, 0o600)}\n`,
      /Unable to open config file '.*\/secret\.cfg' for reading: Permission denied to this process \(user \d+, group \d+\)/,
    ],
    [
      "a file of a directory",
      () => {
        const path = directory("d");
        room.file("d/secret.cfg", FORBIDDING, 0o600);
        room.file("d/other.cfg", "debug=0\n");
        return `include_dir=${path}\n`;
      },
      /Unable to open config file '.*\/d\/secret\.cfg' for reading: Permission denied to this process \(user \d+, group \d+\)/,
    ],
    [
      "a directory",
      () => {
        const path = directory("d", 0o700);
        room.file("d/a.cfg", FORBIDDING);
        return `include_dir=${path}\n`;
      },
      /Could not open config directory '.*\/d' for reading: Permission denied to this process \(user \d+, group \d+\)/,
    ],
    [
      "a directory of a directory",
      () => {
        const path = directory("d");
        directory("d/sub", 0o700);
        room.file("d/sub/a.cfg", FORBIDDING);
        return `include_dir=${path}\n`;
      },
      /Could not open config directory '.*\/d\/sub' for reading: Permission denied to this process \(user \d+, group \d+\)/,
    ],
    [
      "a directory that a link of a directory leads to",
      () => {
        const path = directory("d");
        const hidden = directory("hidden", 0o700);
        directory("hidden/sub");
        room.file("hidden/sub/a.cfg", FORBIDDING);
        symlinkSync(join(hidden, "sub"), join(path, "link"));
        return `include_dir=${path}\n`;
      },
      /Could not tell what '.*\/d\/link' is: Permission denied; included in config file/,
    ],
  ];

  test.each(ways)("keeps the old configuration at SIGHUP (%s)", async (_, make, reason) => {
    const daemon = await start(PERMITTING + make());
    const verdicts = async () => ({
      ours: (await ask(daemon.port, "ok")).text,
      argument: await ask(daemon.port, "ok!x").then(() => "answered", () => "refused"),
      stranger: await ask(daemon.port, "ok", { from: "127.0.0.2" })
        .then(() => "answered", () => "refused"),
    });
    const before = { ours: "fine", argument: "refused", stranger: "refused" };
    expect(await verdicts()).toEqual(before);
    const lines = await reload(daemon);
    expect(lines).toMatch(reason);
    expect(lines).toMatch(/cannot be put in force, the old configuration stays/);
    expect(await verdicts()).toEqual(before);
  });

  test("is an error at the start of an agent that is not root", async () => {
    const include = room.file("secret.cfg", FORBIDDING, 0o600);
    const config = room.file("nrpe.cfg", `include=${include}\ncommand[ok]=echo fine\n`);
    expect(await checkOnce(config)).toEqual({ answer: undefined, status: 2 });
    const run = Bun.spawnSync(
      [
        ...["setpriv", "--reuid=nagios", "--regid=nagios", "--clear-groups"],
        ...[room.binary, "-n", "-c", config, "-f"],
      ],
      { timeout: 60_000 },
    );
    expect(run.exitCode).toBe(2);
    expect(run.stderr.toString()).toMatch(
      /secret\.cfg' for reading: Permission denied to this process /,
    );
  });

  test("keeps the old configuration where it is nrpe.cfg itself", async () => {
    const daemon = await start(FORBIDDING + "command[ok]=echo fine\n");
    chmodSync(daemon.config, 0o600);
    const lines = await reload(daemon);
    expect(lines).toMatch(
      /Unable to open config file '.*' for reading: Permission denied to this process /,
    );
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
  });
});

describe.skipIf(missing)("an include that does not exist", () => {
  test("is passed over with a warning, at the start and at SIGHUP", async () => {
    const config = `include=${room.path}/none.cfg\ninclude_dir=${room.path}/none.d\n` +
      "command[ok]=echo fine\n";
    const daemon = await start(config);
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
    const warnings =
      /none\.cfg' for reading: No such file or directory.*continuing without it\n.*none\.d' for reading: No such file or directory.*continuing without it\n/;
    expect(daemon.log()).toMatch(warnings);
    daemon.configure(`${config}command[new]=echo new\n`);
    expect(await reload(daemon)).toMatch(warnings);
    expect((await ask(daemon.port, "new")).text).toBe("new");
  });
});

describe.skipIf(missing || tracingMissing())("an include that fails to be read", () => {
  const failures: readonly [what: string, errors: Record<string, string>, make: () => string][] = [
    [
      "EMFILE",
      { openat: "EMFILE:when=2+" },
      () => `include=${room.file("a.cfg", FORBIDDING)}\n`,
    ],
    ["EIO", { openat: "EIO:when=2+" }, () => `include=${room.file("a.cfg", FORBIDDING)}\n`],
    [
      "EIO of a directory",
      { getdents64: "EIO" },
      () => {
        const path = directory("d");
        room.file("d/a.cfg", FORBIDDING);
        return `include_dir=${path}\n`;
      },
    ],
  ];

  test.each(failures)("keeps the old configuration at SIGHUP (%s)", async (_, errors, make) => {
    const daemon = await start(PERMITTING + make());
    let lines: string;
    {
      await using _faults = await inject(room, daemon.pid, errors);
      lines = await reload(daemon);
    }
    expect(lines).toMatch(/Too many open files|Input\/output error/);
    expect(lines).toMatch(/the old configuration stays/);
    expect(await ask(daemon.port, "ok!x").then(() => "answered", () => "refused")).toBe("refused");
  });
});

describe("an entry of an included directory that cannot be followed", () => {
  test("is left out alone, with a warning, unless it is a *.cfg", async () => {
    const path = directory("d");
    const hidden = directory("hidden", 0o700);
    symlinkSync(join(hidden, "file"), join(path, "odd"));
    symlinkSync("loop", join(path, "loop"));
    symlinkSync(join(room.path, "none"), join(path, "dangling"));
    room.file("d/ok.cfg", "command[ok]=echo fine\n");
    const logged = room.file("log", "", 0o666);
    const config = room.file("nrpe.cfg", `log_file=${logged}\ndebug=1\ninclude_dir=${path}\n`);
    expect(await checkOnce(config)).toEqual({ answer: "fine", status: 0 });
    const lines = readFileSync(logged, "latin1");
    expect(lines).toMatch(/Could not tell what '.*\/d\/odd' is: Permission denied; included in /);
    expect(lines).toMatch(
      /Could not tell what '.*\/d\/loop' is: Too many levels of symbolic links/,
    );
    expect(lines).not.toContain("dangling");
    symlinkSync(join(hidden, "file.cfg"), join(path, "odd.cfg"));
    expect(await checkOnce(config)).toEqual({ answer: undefined, status: 2 });
    expect(readFileSync(logged, "latin1"))
      .toMatch(/Unable to open config file '.*\/d\/odd\.cfg' for reading: Permission denied/);
  });
});

describe("a FIFO", () => {
  test.each(["nrpe.cfg", "include"])("in the place of %s is refused at once", (place) => {
    const fifo = join(room.path, "fifo.cfg");
    Bun.spawnSync(["mkfifo", fifo]);
    const config = place === "nrpe.cfg" ? fifo : room.file("nrpe.cfg", `include=${fifo}\n`);
    const run = Bun.spawnSync([room.binary, "--check-access", "-c", config, "127.0.0.1"], {
      timeout: 100_000,
    });
    expect(run.exitCode).toBe(2);
    expect(run.stderr.toString()).toContain(
      `'${fifo}' for reading: it is neither a regular file nor a device`,
    );
  });

  test("does not hold up a SIGHUP", async () => {
    const include = room.file("a.cfg", FORBIDDING);
    const daemon = await start(`${PERMITTING}include=${include}\n`);
    Bun.spawnSync(["rm", include]);
    Bun.spawnSync(["mkfifo", "-m", "644", include]);
    expect(await reload(daemon)).toMatch(/the old configuration stays/);
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
  });
});

describe.skipIf(tracingMissing())("a file that changes while it is read", () => {
  test("is read again", async () => {
    const old = `allowed_hosts=192.0.2.111\n${"#".repeat(80)}\n`;
    const config = room.file("nrpe.cfg", old);
    // The first read has its bytes, and returns only when the file has changed.
    const delay = "inject=read:delay_exit=3000000:when=1";
    const question = Bun.spawn(
      [
        ...[PEERS.strace.path, "-f", "-qq", "-o", "/dev/null", "-P", config, "-e", "trace=read"],
        ...["-e", delay, room.binary, "--check-access", "-c", config, "--json", "127.0.0.1"],
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await waitUntil("the file is being read", () => isBeingRead(config));
    writeFileSync(config, old.replace("192.0.2.111", "127.0.0.1,#"));
    const answer = JSON.parse(await question.stdout.text());
    expect(answer.agent.allowed_hosts.allowed).toBe(true);
    expect(await question.exited).toBe(0);
  });
});

/** Whether some process has a file open and has read some of it. */
function isBeingRead(path: string): boolean {
  for (const pid of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== path) continue;
        if (/^pos:\t[1-9]/.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1"))) return true;
      }
    } catch {
      // It has ended.
    }
  }
  return false;
}

describe.skipIf(missing)("an access table that nrpe.cfg names and that does not exist", () => {
  const WARNINGS = [
    /Warning: hosts_allow_file '.*\/none\.allow' in config file '.*' - Line \d+ does not exist, so it grants nobody/,
    /Warning: hosts_deny_file '.*\/none\.deny' in config file '.*' - Line \d+ does not exist, so it refuses nobody/,
  ];
  const naming = () =>
    `hosts_allow_file=${room.path}/none.allow\nhosts_deny_file=${room.path}/none.deny\n` +
    "command[ok]=echo fine\n";

  test("is warned of at the start and at SIGHUP", async () => {
    const daemon = await start(naming());
    for (const warning of WARNINGS) expect(daemon.log()).toMatch(warning);
    const lines = await reload(daemon);
    for (const warning of WARNINGS) expect(lines).toMatch(warning);
    daemon.configure(`${naming()}tcp_wrappers=0\n`);
    expect(await reload(daemon)).not.toContain("does not exist");
  });

  test("is warned of once under wait, and not at each check under nowait", async () => {
    const config = room.file("nrpe.cfg", naming());
    const argv = ["nrpe", "-n", "-c", config, "--inetd"];
    const service = { user: "nagios", program: room.binary, argv };
    await using inetd = await startInetd(room, [service, { ...service, wait: true }]);
    const [nowait, wait] = inetd.ports as [number, number];
    expect((await ask(nowait, "ok")).text).toBe("fine");
    const served = await inetd.syslog.until(/connect from/);
    expect(served.map(({ text }) => text).filter((text) => text.includes("not exist"))).toEqual([]);
    expect((await ask(wait, "ok")).text).toBe("fine");
    expect((await ask(wait, "ok")).text).toBe("fine");
    const lines = (await inetd.syslog.until(/connect from/)).map(({ text }) => text);
    for (const warning of WARNINGS) {
      expect(lines.filter((one) => warning.test(one))).toHaveLength(1);
    }
  });
});

describe.skipIf(missing)("arguments that are allowed", () => {
  const WARNING = "Warning: Daemon is configured to accept command arguments from clients!";
  const SUBSTITUTION =
    "Warning: Daemon is configured to accept command arguments with bash command substitutions!";

  test("are warned of where the agent stays, in the C agent's words", async () => {
    const daemon = await start("command[ok]=echo fine\n");
    expect(daemon.log()).not.toContain("Warning: Daemon is configured");
    daemon.configure("dont_blame_nrpe=1\ncommand[ok]=echo fine\n");
    const lines = await reload(daemon);
    expect(lines).toContain(WARNING);
    expect(lines).not.toContain(SUBSTITUTION);
    daemon.configure("dont_blame_nrpe=1\nallow_bash_command_substitution=1\n");
    expect(await reload(daemon)).toContain(SUBSTITUTION);
  });

  test("are warned of once under wait, and not under nowait", async () => {
    const config = room.file("nrpe.cfg", "dont_blame_nrpe=1\ncommand[ok]=echo fine\n");
    const argv = ["nrpe", "-n", "-c", config, "--inetd"];
    const service = { user: "nagios", program: room.binary, argv };
    await using inetd = await startInetd(room, [service, { ...service, wait: true }]);
    const [nowait, wait] = inetd.ports as [number, number];
    const warned = async (port: number) => {
      for (let check = 0; check < 2; check++) expect((await ask(port, "ok")).text).toBe("fine");
      const lines = await inetd.syslog.until(/connect from/);
      return lines.filter(({ text }) => text.includes(WARNING)).map(({ severity }) => severity);
    };
    expect(await warned(nowait)).toEqual([]);
    expect(await warned(wait)).toEqual([5]);
  });
});

describe.skipIf(missing)("a user whose name and home are not ASCII", () => {
  test("is the user that plugins run as, with all its groups and its name as it is", async () => {
    const name = "j\u00fcrgen";
    const files = {
      "/etc/passwd": `root:x:0:0:root:/root:/bin/sh\n${name}:x:4321:4321::/srv/b\u00e4r:/bin/sh\n`,
      "/etc/group": `root:x:0:\n${name}:x:4321:\nextra:x:4322:${name}\n`,
      "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    };
    await using agent = await startForeground(room, {
      program: room.binary,
      config: `nrpe_user=${name}\nnrpe_group=${name}\n` +
        'command[who]=echo "$$USER $$LOGNAME $$HOME `id -G`"\n',
      files,
      asRoot: true,
    });
    const { text } = await ask(agent.port, "who");
    expect(Buffer.from(text, "latin1").toString()).toBe(
      `${name} ${name} /srv/b\u00e4r 4321 4322`,
    );
  });
});

describe.skipIf(missing)("numbers at the ends of their ranges", () => {
  test("a time as long as the C agent takes it keeps its meaning", async () => {
    const daemon = await start(
      "command_timeout=2147483647\nconnection_timeout=2147483647\nlisten_queue_size=9999999\n" +
        "max_commands=2147483647\ncommand[ok]=echo fine\n",
    );
    expect(daemon.log()).not.toContain("Invalid");
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
  });

  test.each([
    ["command_timeout", "2147483648"],
    ["connection_timeout", "4294967301"],
    ["ssl_shutdown_timeout", "99999999999999999999"],
    ["shutdown_timeout", "-1"],
    ["wait_idle_timeout", "0"],
    ["server_port", "65536"],
    ["listen_queue_size", "0"],
    ["max_connections", "-1"],
  ])("%s=%s is an error at the start", (name, value) => {
    const config = room.file("nrpe.cfg", `${name}=${value}\n`);
    const run = Bun.spawnSync([room.binary, "-n", "-c", config, "-f"], { timeout: 60_000 });
    expect(run.exitCode).toBe(2);
    expect(run.stderr.toString()).toContain(
      `Invalid ${name} specified in config file '${config}' - Line 1: '${value}', but it must be `,
    );
  });
});
