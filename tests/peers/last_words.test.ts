/** An agent that cannot go on: what it says, where, and that no client hears of it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { dlopen } from "bun:ffi";
import { mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { LIBC } from "../../lib/system/libc.ts";
import { type Agent, startAgent } from "../support/agent.ts";
import { open } from "../support/ask.ts";
import { tracingMissing } from "../support/faults.ts";
import { startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { perlStarter, shellStarter } from "../support/starter.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("inetd", "strace");
const noTracing = tracingMissing();

let room: Room;
let args: readonly string[];

beforeEach(() => {
  room = makeRoom();
  args = ["-n", "-c", room.file("nrpe.cfg", "command[x]=/bin/echo fine\n"), "--inetd"];
});

afterEach(() => room[Symbol.dispose]());

/** prctl(2), and what forbids memory that is both writable and executable. */
const PRCTL = process.arch === "arm64" ? 167 : 157;
const PR_SET_MDWE = 65;

/** Each makes a starter under which the runtime cannot compile, and so call no C function. */
const UNBOUND: Readonly<Record<string, () => string>> = {
  "little address space": () => shellStarter(room, "ulimit -v 1000000"),
  "little memory": () => shellStarter(room, "ulimit -d 1000000"),
  "no compiling": () => shellStarter(room, "export BUN_JSC_useJIT=0"),
  "no memory that is writable and executable": () =>
    perlStarter(room, `syscall(${PRCTL}, ${PR_SET_MDWE}, 1, 0, 0, 0) == 0 or die "Linux 6.3: $!";`),
};

const CANNOT_START =
  /cannot start: the runtime got no memory that is both writable and executable; /;

/** Asks the agent; all that reaches the client, and the exit status. */
async function asked(
  agent: Agent,
): Promise<{ readonly bytes: Uint8Array; readonly status: number }> {
  agent.send(encodeQuery({ version: 4, text: "x" }));
  return { bytes: await agent.received(), status: await agent.exited };
}

const NOTHING = { bytes: Buffer.alloc(0), status: 2 };

/** What the log has of an agent that is asked once, under inetd. */
async function logOf(starter: string, pattern: RegExp): Promise<string> {
  const service = { user: "nagios", program: starter, argv: ["nrpe", ...args] };
  await using inetd = await startInetd(room, [service]);
  const client = await open(inetd.ports[0]!);
  client.on("error", () => {}).resume().write(encodeQuery({ version: 4, text: "x" }));
  const lines = await inetd.syslog.until(pattern);
  client.destroy();
  return lines.map(({ text }) => text).filter((text) => text.startsWith("nrpe[")).join("\n");
}

describe.skipIf(missing).each(Object.keys(UNBOUND))("with %s", (condition) => {
  test("the client gets nothing, and the exit status is 2", async () => {
    expect(await asked(startAgent(UNBOUND[condition]!(), args))).toEqual(NOTHING);
  });

  test("the log has a line", async () => {
    const log = await logOf(UNBOUND[condition]!(), CANNOT_START);
    expect(log).toMatch(/^nrpe\[[0-9]+\]: Error: cannot start: [^\n]*$/);
  });

  test("--check-access prints one sentence", () => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([
      UNBOUND[condition]!(),
      "--check-access",
      "192.0.2.1",
    ]);
    expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr.toString()).toMatch(/^nrpe: cannot start: [^\n]*\n$/);
  });
});

describe("the C library", () => {
  test.skipIf(missing || noTracing)("is never looked for in the working directory", () => {
    const directory = join(room.path, "here");
    mkdirSync(directory);
    const trace = join(room.path, "trace");
    for (const starter of [room.binary, shellStarter(room, "ulimit -v 1000000")]) {
      Bun.spawnSync(
        [
          ...[PEERS.strace.path, "-f", "-qq", "-o", trace, "-e", "trace=open,openat,openat2,stat"],
          ...[starter, "--check-access", "192.0.2.1"],
        ],
        { cwd: directory },
      );
      const calls = readFileSync(trace, "latin1");
      expect(calls).toContain("libc.so.6");
      expect(calls).not.toContain(directory);
      expect(calls).not.toContain("musl");
      expect(calls).not.toMatch(/AT_FDCWD, "[^/]/);
    }
  });

  test("would not be found there if the C library's own search failed", () => {
    const name = LIBC.replace("libc", "libnowhere");
    room.file("libnowhere.so.6", "not a library");
    const code = `try { require("bun:ffi").dlopen(${JSON.stringify(name)}, { f: {} }) }
      catch (error) { console.log(error.message) }`;
    const { stdout } = Bun.spawnSync([process.execPath, "-e", code], { cwd: room.path });
    expect(stdout.toString()).toMatch(/[Ii]s a directory/);
    expect(() => dlopen(LIBC, { getpid: { args: [], returns: "i32" } })).not.toThrow();
  });
});

describe.skipIf(missing)("with", () => {
  test.each([5, 6, 7, 8, 12, 20])(
    "%d descriptors a client gets a response or nothing",
    async (count) => {
      const { bytes, status } = await asked(
        startAgent(shellStarter(room, `ulimit -n ${count}`), args),
      );
      if (bytes.byteLength === 0) return expect(status).toBe(2);
      const decoding = decodeResponse(bytes);
      expect(status).toBe(0);
      expect(decoding).toMatchObject({
        packet: { text: expect.stringMatching(/^fine|^NRPE: Unable to start command: /) },
      });
    },
  );

  test("too few descriptors the log says so", async () => {
    const log = await logOf(shellStarter(room, "ulimit -n 5"), /Too many open files/);
    expect(log).toMatch(
      /^nrpe\[[0-9]+\]: Error: unexpected: SystemError: open\(\/proc\/self\/environ\): /,
    );
  });
});

describe.skipIf(missing)("without a null device", () => {
  test("the client gets nothing, and the exit status is 2", async () => {
    const starter = shellStarter(
      room,
      "mount -t tmpfs none /dev",
      `setpriv --reuid=65534 --regid=65534 --clear-groups ${room.binary}`,
    );
    const agent = startAgent(starter, args, { PATH: "/usr/bin:/bin" }, ["unshare", "-m"]);
    expect(await asked(agent)).toEqual(NOTHING);
  });
});

describe.skipIf(missing || noTracing)("an unexpected exception", () => {
  const starter = () =>
    shellStarter(
      room,
      "",
      `${PEERS.strace.path} -f -qq -o /dev/null -e trace=wait4 -e inject=wait4:error=EDOM ${room.binary}`,
    );

  test("leaves the client without a byte, and the exit status is 2", async () => {
    expect(await asked(startAgent(starter(), args))).toEqual(NOTHING);
  });

  test("is in the log, with where it came from", async () => {
    const log = await logOf(starter(), /unexpected/);
    expect(log).toMatch(
      /Error: unexpected: SystemError: waitpid: Numerical argument out of domain at .*:[0-9]+/,
    );
  });
});

describe.skipIf(missing)("a crash of the runtime", () => {
  test("does not reach the client", async () => {
    const agent = startAgent(room.binary, args);
    await waitUntil(
      "the agent has left the connection",
      () => readlinkSync(`/proc/${agent.pid}/fd/2`) === "/dev/null",
    );
    process.kill(agent.pid, "SIGSEGV");
    expect(await agent.received()).toHaveLength(0);
    expect(await agent.exited).not.toBe(0);
  });
});
