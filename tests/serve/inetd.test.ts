/** The compiled agent with a connection on descriptor 0, as inetd starts it for each client. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery, encodeResponse } from "../../lib/protocol/encode.ts";
import type { PacketVersion } from "../../lib/protocol/packet.ts";
import { SystemError } from "../../lib/system/libc.ts";
import { startAgent } from "../support/agent.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const VERSIONS: readonly PacketVersion[] = [2, 3, 4];

let room: Room;

beforeAll(() => {
  room = makeRoom();
});

afterAll(() => room[Symbol.dispose]());

let configs = 0;

/** Writes an nrpe.cfg that logs to a file, since the tests read it. */
function configure(text: string): { readonly path: string; readonly log: () => string } {
  const number = ++configs;
  const log = room.file(`log.${number}`, "", 0o666);
  const path = room.file(`nrpe.${number}.cfg`, `log_file=${log}\ntcp_wrappers=0\n${text}\n`);
  return { path, log: () => readFileSync(log, "latin1") };
}

/** Asks for a command that a configuration of one line defines. */
async function run(line: string, { version = 4 as PacketVersion, more = "" } = {}) {
  const config = configure(`command[x]=${line}\n${more}`);
  const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
  agent.send(encodeQuery({ version, text: "x" }));
  const decoding = decodeResponse(await agent.received());
  const status = await agent.exited;
  if (decoding.kind !== "packet") throw new Error(`No response (${status}): ${config.log()}`);
  return { ...decoding.packet, status, log: config.log() };
}

/** Whether a process exists that is not a zombie. */
function runs(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** The beginning of a command line that sleeps as root, as a command of sudo does. */
function asRoot(): string {
  const setpriv = room.file("setpriv", readFileSync("/usr/bin/setpriv"), 0o4755);
  return `${setpriv} --reuid=0 --regid=0 --clear-groups sleep`;
}

describe.concurrent("a conversation", () => {
  test.each(VERSIONS)("in version %d is answered in that version", async (version) => {
    const { text, code, status, version: answered } = await run("/bin/echo hello", { version });
    expect({ text, code, status, answered })
      .toEqual({ text: "hello", code: 0, status: 0, answered: version });
  });

  test("is the same when the query comes byte by byte", async () => {
    const config = configure("command[x]=/bin/echo hello");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    for (const byte of encodeQuery({ version: 4, text: "x" })) agent.send(Uint8Array.of(byte));
    const answer = encodeResponse({ version: 4, code: 0, text: "hello" });
    expect(await agent.received()).toEqual(Buffer.from(answer));
  });

  test("needs no more bytes than the query announces", async () => {
    const query = encodeQuery({ version: 4, text: "x" }).slice(0, 16 + 2);
    const view = new DataView(query.buffer);
    view.setInt32(12, 2);
    view.setUint32(4, 0);
    view.setUint32(4, Bun.hash.crc32(query));
    const config = configure("command[x]=/bin/echo hello");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    agent.send(query);
    expect(decodeResponse(await agent.received())).toMatchObject({ packet: { text: "hello" } });
  });

  test("takes the longest query there is", async () => {
    const config = configure("dont_blame_nrpe=1\ncommand[x]=/bin/echo '$ARG1$' | wc -c");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    agent.send(encodeQuery({ version: 4, text: `x!${"y".repeat(65533)}` }));
    expect(decodeResponse(await agent.received())).toMatchObject({ packet: { text: "65534" } });
  });

  test("answers a client that has sent more than a query", async () => {
    const config = configure("command[x]=/bin/echo hello");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    agent.send(Buffer.concat([encodeQuery({ version: 4, text: "x" }), Buffer.alloc(50_000, "z")]));
    agent.endSending();
    expect(decodeResponse(await agent.received())).toMatchObject({ packet: { text: "hello" } });
  });
});

describe.concurrent("a request that is not answered", () => {
  const SPEAKS_TLS =
    "Error: Client unknown speaks TLS, and this service is plain: use check_nrpe with -n, or do without the agent's option -n";
  const valid = encodeQuery({ version: 4, text: "x" });
  const changed = (at: number, byte: number) => valid.with(at, byte);
  const cases: readonly [what: string, bytes: Uint8Array, log: string][] = [
    ["of another version", changed(1, 7), "Error: Request packet version was invalid!"],
    ["of TLS", Uint8Array.of(0x16, 3, 1, 2, 0), "Error: Request packet version was invalid!"],
    ["of a wrong length", changed(13, 9), "Error: Received packet with invalid buffer size"],
    ["with a wrong checksum", changed(500, 1), "Error: Request packet had invalid CRC32."],
    [
      "that is a response",
      encodeResponse({ version: 4, code: 0, text: "x" }),
      "Error: Request packet type was invalid!",
    ],
    [
      "without text",
      encodeQuery({ version: 4, text: "" }),
      "Error: Request contained no query!",
    ],
    [
      "with metacharacters",
      encodeQuery({ version: 2, text: "x;id" }),
      "Error: Request contained illegal metachars!",
    ],
    [
      "with arguments",
      encodeQuery({ version: 3, text: "x!a" }),
      "Error: Request contained command arguments, but argument option is not enabled!",
    ],
  ];

  test.each(cases)(
    "%s is logged, and its connection is closed without a byte",
    async (_, bytes, line) => {
      const config = configure("command[x]=/bin/echo hello");
      const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
      agent.send(bytes);
      expect(await agent.received()).toHaveLength(0);
      expect(await agent.exited).toBe(0);
      const lines = config.log().trimEnd().split("\n").map((line) => line.replace(/^\[\d+\] /, ""));
      const bailing = "Client request from unknown was invalid, bailing out...";
      expect(lines.slice(0, 2)).toEqual([line, bailing]);
      const isTls = bytes[0] === 0x16;
      expect(lines.slice(2)).toEqual(isTls ? [SPEAKS_TLS] : []);
    },
  );

  test.each([0, 1, 2, 15, 500])("because it ends after %d bytes is logged", async (length) => {
    const config = configure("command[x]=/bin/echo hello");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    if (length > 0) agent.send(valid.subarray(0, length));
    agent.endSending();
    expect(await agent.received()).toHaveLength(0);
    expect(await agent.exited).toBe(0);
    const progress = length === 0 ? "before it sent anything" : `after ${length} bytes of a query`;
    expect(config.log()).toContain(
      "Could not read request from client unknown, bailing out... " +
        `(it closed the connection ${progress})`,
    );
  });

  test.each([
    ["says nothing", new Uint8Array(0), "before it sent anything"],
    ["stops in the middle", valid.subarray(0, 700), "after 700 bytes of a query"],
  ])("is given up where the client %s", async (_, bytes, progress) => {
    const config = configure("connection_timeout=1");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    if (bytes.byteLength > 0) agent.send(bytes);
    expect(await agent.received()).toHaveLength(0);
    expect(await agent.exited).toBe(0);
    expect(config.log()).toContain(`(it was silent for too long ${progress})`);
  });

  test("is given up where the client sends a byte now and then", async () => {
    const config = configure("connection_timeout=2");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    const drip = async () => {
      for (const byte of valid) {
        agent.send(Uint8Array.of(byte));
        await Bun.sleep(100);
      }
    };
    const [received] = await Promise.all([
      agent.received(),
      expect(drip()).rejects.toThrow(SystemError),
    ]);
    expect(received).toHaveLength(0);
    await agent.exited;
    expect(config.log()).toContain("(it was silent for too long after ");
  });

  test("is given up where the client pauses for 10 seconds within its query", async () => {
    const config = configure("connection_timeout=300");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
    agent.send(valid.subarray(0, 3));
    expect(await agent.received()).toHaveLength(0);
    await agent.exited;
    expect(config.log()).toContain("(it was silent for too long after 3 bytes of a query)");
  });
});

describe.concurrent("a plugin", () => {
  test("that leaves a process behind is answered at once, and the process lives on", async () => {
    const pidFile = join(room.path, "left.pid");
    room.file("left.pid", "", 0o666);
    const { text } = await run(`echo done; sleep 1000 & echo $$! > ${pidFile}`);
    expect(text).toBe("done");
    const pid = Number(readFileSync(pidFile, "latin1"));
    expect(runs(pid)).toBe(true);
    process.kill(pid);
  });

  test("that runs too long is ended with all its processes, those that ignore SIGTERM too", async () => {
    let group: number[] = [];
    // On a busy machine the time-out may come before all of them have begun.
    await waitUntil("there are three processes within the time-out", async () => {
      const pids = room.file("group.pids", "", 0o666);
      const { text, code } = await run(
        `trap '' TERM; echo $$$$ >> ${pids}; (sleep 1000; sleep 1000) & echo $$! >> ${pids}; ` +
          `setsid true; sh -c 'trap "" TERM; echo $$$$ >> ${pids}; while :; do sleep 1; done'`,
        { more: "command_timeout=1" },
      );
      expect({ text, code }).toEqual({ text: "NRPE: Command timed out after 1 seconds", code: 3 });
      group = readFileSync(pids, "latin1").trim().split("\n").map(Number);
      await waitUntil("the group is gone", () => !group.some(runs));
      return group.length === 3;
    });
  });

  test("that ends itself on SIGTERM may clean up", async () => {
    const file = room.file("cleaned", "", 0o666);
    // It has a second, which may be too short on a busy machine.
    await waitUntil("it has cleaned up", async () => {
      await run(`trap 'echo yes > ${file}; exit 0' TERM; sleep 1000 & wait`, {
        more: "command_timeout=1",
      });
      return readFileSync(file, "latin1") === "yes\n";
    });
  });

  test("that closes its output and sleeps is waited for, within its time", async () => {
    const { text, code } = await run("echo early; exec >&-; sleep 0.3; exit 1");
    expect({ text, code }).toEqual({ text: "early", code: 1 });
    const late = await run("echo early; exec >&-; sleep 1000", { more: "command_timeout=1" });
    expect(late.text).toBe("NRPE: Command timed out after 1 seconds");
  });

  test("that writes 200 MB keeps its exit status and costs no memory", async () => {
    const peak = room.file("peak", "", 0o666);
    const { code, text } = await run(
      "head -c 200000000 /dev/zero | tr '\\0' x; " +
        `sed -n 's/^VmHWM:\t* *\\([0-9]*\\) kB/\\1/p' /proc/$PPID/status > ${peak}; exit 1`,
      { more: "command_timeout=200" },
    );
    expect({ code, text }).toEqual({ code: 1, text: "x".repeat(65535) });
    expect(Number(readFileSync(peak, "latin1"))).toBeGreaterThan(0);
    expect(Number(readFileSync(peak, "latin1"))).toBeLessThan(150_000);
  });

  test("that writes without end is ended at the time-out", async () => {
    const { text } = await run("yes", { more: "command_timeout=1" });
    expect(text).toBe("NRPE: Command timed out after 1 seconds");
  });

  test.each([
    ["/nonexistent/plugin"],
    ["/etc/passwd"],
    ["/etc"],
    ["@DIR@/wrong-interpreter"],
  ])("that cannot be started (%s) is UNKNOWN", async (line) => {
    room.file("wrong-interpreter", "#!/nonexistent/interpreter\n", 0o755);
    const { text, code, log } = await run(line.replace("@DIR@", room.path));
    expect({ text, code }).toEqual({ text: "NRPE: Unable to read output", code: 3 });
    expect(log).toContain(`Error: command[x]: ${line.replace("@DIR@", room.path)}: `);
  });

  test("that cannot be started for want of processes is UNKNOWN, and logged", async () => {
    const config = configure("command[x]=/bin/echo hello");
    const agent = startAgent("prlimit", ["--nproc=1", room.binary, "-n", "-c", config.path, "-i"]);
    agent.send(encodeQuery({ version: 4, text: "x" }));
    const decoding = decodeResponse(await agent.received());
    const text = expect.stringContaining("Resource temporarily unavailable");
    expect(decoding).toMatchObject({ packet: { code: 3, text } });
    expect(await agent.exited).toBe(0);
    expect(config.log()).toContain("Error: could not start a command: ");
  });

  test.each([
    ["/usr/bin/env /nonexistent/plugin", /\/nonexistent\/plugin: No such file or directory/],
    ["no-such-plugin 'a b'", /no-such-plugin: no such program in PATH/],
    ["/bin/true && /etc/passwd", /\/etc\/passwd: Permission denied/],
  ])(
    "that a shell or another program cannot start (%s) is named in the log",
    async (line, reason) => {
      expect((await run(line)).log).toMatch(reason);
    },
  );

  test.each([["echo t; exec @DIR@/crash"], ["@DIR@/crash"], ["echo t; @DIR@/crash"]])(
    "that dies of a signal (%s) is CRITICAL with and without a shell",
    async (line) => {
      room.file("crash", "#!/bin/sh\necho t\nkill -SEGV $$\n", 0o755);
      expect(await run(line.replace("@DIR@", room.path))).toMatchObject({ code: 2 });
    },
  );

  test("that cannot be ended is left at the time-out, and the log names it", async () => {
    const { text, code, log } = await run(`${asRoot()} 1000`, { more: "command_timeout=1" });
    expect({ text, code }).toEqual({ text: "NRPE: Command timed out after 1 seconds", code: 3 });
    const [, pid] = /process ([0-9]+) \(sleep\) could not be ended: it runs as user 0/.exec(log)!;
    process.kill(Number(pid), "SIGKILL");
  });

  test("without an interpreter line is run by the shell", async () => {
    const path = room.file("no-interpreter", 'echo "from the shell: $1"\n', 0o755);
    expect((await run(`${path} it`)).text).toBe("from the shell: it");
  });

  test("gets NRPE's variables and inetd's, and none of the runtime's", async () => {
    const config = configure("command[x]=/usr/bin/env");
    const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"], {
      PATH: "/usr/bin:/bin",
      BUN_JSC_useJIT: "1",
      ODD: "a=b \xe4",
      NRPE_PROGRAMVERSION: "forged",
    });
    agent.send(encodeQuery({ version: 4, text: "x" }));
    const decoding = decodeResponse(await agent.received());
    if (decoding.kind !== "packet") throw new Error(decoding.kind);
    const variables = decoding.packet.text.split("\n");
    expect(variables).toContain("PATH=/usr/bin:/bin");
    expect(variables).toContain("ODD=a=b \xc3\xa4");
    expect(variables).toContain("NRPE_MULTILINESUPPORT=1");
    expect(variables.filter((one) => one.startsWith("NRPE_PROGRAMVERSION="))).toHaveLength(1);
    expect(variables).not.toContain("NRPE_PROGRAMVERSION=forged");
    expect(variables.filter((one) => one.startsWith("BUN_"))).toEqual([]);
  });

  test("inherits no descriptor but its own three, and no ignored signal", async () => {
    const { text } = await run("ls /proc/self/fd; grep SigIgn /proc/self/status");
    const [, ignored] = /^0\n1\n2\n3\nSigIgn:\t([0-9a-f]{16})$/.exec(text) ?? [];
    // The C library keeps 32 and 33 for itself.
    expect(Number.parseInt(ignored!, 16) & 0x7fffffff).toBe(0);
  });

  test("never sees the connection", async () => {
    const { text } = await run("readlink /proc/self/fd/0 /proc/self/fd/2; echo x >&0; echo x >&2");
    expect(text).toBe("/dev/null\n/dev/null");
  });
});

describe.concurrent("the configuration", () => {
  const attempts: readonly [what: string, write: () => string][] = [
    ["is missing", () => join(room.path, "missing.cfg")],
    ["is unreadable", () => room.file("secret.cfg", "debug=1\n", 0o000)],
    ["is a directory", () => room.path],
    ["includes itself", () => room.file("cycle.cfg", `include=${room.path}/cycle.cfg\n`)],
    ["is a binary", () => room.binary],
    ["has a line of 10 MB", () => room.file("long.cfg", `a=${"x".repeat(10_000_000)}\n`)],
    ["has an error", () => room.file("error.cfg", "command_timeout=never\n")],
  ];

  test.each(attempts)("that %s serves no client, and the exit status is 2", async (_, write) => {
    const agent = startAgent(room.binary, ["-n", "-c", write(), "-i"]);
    agent.send(encodeQuery({ version: 4, text: "x" }));
    expect(await agent.received()).toHaveLength(0);
    expect(await agent.exited).toBe(2);
  });

  test("is found relative to the working directory, as are directories and links in it", async () => {
    mkdirSync(join(room.path, "conf.d", "deeper"), { recursive: true });
    writeFileSync(join(room.path, "conf.d", "deeper", "x.cfg"), "command[x]=/bin/echo deep\n");
    symlinkSync("conf.d", join(room.path, "linked.d"));
    // The agent is started in the root directory.
    const relative = room.path.slice(1);
    const text = `command[x]=/bin/echo shallow\ntcp_wrappers=0\ninclude_dir=${relative}/linked.d\n`;
    room.file("relative.cfg", text);
    const agent = startAgent(room.binary, ["-n", "-c", `${relative}/relative.cfg`, "-i"]);
    agent.send(encodeQuery({ version: 4, text: "x" }));
    expect(decodeResponse(await agent.received())).toMatchObject({ packet: { text: "deep" } });
  });
});

describe.concurrent("the log", () => {
  test("file is made for its owner and group alone, with a time on each line", async () => {
    const directory = join(room.path, "logs");
    mkdirSync(directory, { mode: 0o777 });
    Bun.spawnSync(["chmod", "777", directory]);
    const log = join(directory, "nrpe.log");
    const config = room.file(
      "log.cfg",
      `log_file=${log}\ntcp_wrappers=0\ndebug=1\ncommand[x]=/bin/echo hello\n`,
    );
    const agent = startAgent(room.binary, ["-n", "-c", config, "-i"]);
    agent.send(encodeQuery({ version: 4, text: "x" }));
    await agent.received();
    await agent.exited;
    expect(statSync(log).mode & 0o777).toBe(0o640);
    const lines = readFileSync(log, "latin1").trimEnd().split("\n");
    expect(lines.every((line) => /^\[\d{10}\] /.test(line))).toBe(true);
    expect(lines.map((line) => line.replace(/^\[\d+\] /, ""))).toEqual([
      "Added command[x]=/bin/echo hello",
      "Host unknown is asking for command 'x' to be run...",
      "Running command: /bin/echo hello",
      "Command completed with return code 0 and output: hello",
      "Return Code: 0, Output: hello",
    ]);
  });

  test("shows no control character of a client, and no endless line", async () => {
    const config = configure("debug=1\nnasty_metachars=|");
    for (const text of ["a\nForged: line\x1b[2J\x07\xe4", "b".repeat(60_000)]) {
      const agent = startAgent(room.binary, ["-n", "-c", config.path, "-i"]);
      agent.send(encodeQuery({ version: 4, text }));
      await agent.received();
      await agent.exited;
    }
    const lines = config.log().trimEnd().split("\n");
    expect(lines.join("")).not.toMatch(/[^\x20-\x7e]/);
    expect(lines.some((line) => line.includes("'a?Forged: line?[2J??'"))).toBe(true);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(2100);
    expect(lines.some((line) => line.endsWith("bbb..."))).toBe(true);
  });

  test("that cannot be opened keeps no client from being served", async () => {
    const config = room.file("nolog.cfg", "log_file=/nonexistent/x\ncommand[x]=/bin/echo hello\n");
    const agent = startAgent(room.binary, ["-n", "-c", config, "-i"]);
    agent.send(encodeQuery({ version: 4, text: "x" }));
    expect(decodeResponse(await agent.received())).toMatchObject({ packet: { text: "hello" } });
    expect(existsSync("/nonexistent/x")).toBe(false);
  });
});
