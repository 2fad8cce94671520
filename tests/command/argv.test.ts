/** Commands that no shell runs, asked of the compiled agent in every mode that serves. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../../demo/client.ts";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { closeFile } from "../../lib/system/libc.ts";
import { listenOn } from "../../lib/system/listen_socket.ts";
import { startAgent } from "../support/agent.ts";
import { freePorts } from "../support/ports.ts";
import { makeRoom, type Room } from "../support/room.ts";

const NAMED = `${"x".repeat(8)}-in-path`;
const isRoot = process.getuid?.() === 0;

let room: Room;
let path: string;

beforeAll(() => {
  room = makeRoom();
  const show = "#!/bin/sh\nprintf '<%s>' \"$@\"\n";
  room.file("show", show, 0o755);
  room.file("no-interpreter", "echo hello\n", 0o755);
  room.file("not-executable", show, 0o644);
  room.file("dies", "#!/bin/sh\nexit 137\n", 0o755);
  for (const directory of ["one", "two", "three"]) mkdirSync(join(room.path, directory));
  // Neither a directory nor what has no execute bit is a program.
  mkdirSync(join(room.path, "one", NAMED));
  room.file(`two/${NAMED}`, show, 0o644);
  room.file(`three/${NAMED}`, show, 0o755);
  room.file("two/denied", show, 0o644);
  const own = ["one", "two", "three"].map((name) => join(room.path, name));
  path = ["relative", "", ...own, "/usr/bin", "/bin"].join(":");
});

afterAll(() => room[Symbol.dispose]());

let count = 0;

/** Writes an nrpe.cfg that logs to a file. */
function configure(text: string): { readonly file: string; readonly log: () => string } {
  const log = room.file(`log.${++count}`, "", 0o666);
  const whole = `log_file=${log}\ntcp_wrappers=0\nargument_mode=argv\ndont_blame_nrpe=1\n${text}\n`;
  const file = room.file(`nrpe.${count}.cfg`, whole.replaceAll("DIR", room.path));
  return { file, log: () => readFileSync(log, "latin1") };
}

/** Asks for the command x of an agent under inetd nowait. */
async function askOnce(text: string, query: string, env?: Record<string, string>) {
  const { file, log } = configure(text);
  const agent = startAgent(room.binary, ["-n", "-c", file, "-i"], env);
  agent.send(encodeQuery({ version: 4, text: query }));
  const decoding = decodeResponse(await agent.received());
  const status = await agent.exited;
  const response = decoding.kind === "packet" ? decoding.packet : undefined;
  return { status, response, log: log() };
}

describe.concurrent("a command with argument_mode=argv", () => {
  test.each([
    ["command[x]=DIR/show -w '$ARG1$' $ARG2$", 'x!a  "b"!c d', '<-w><a  "b"><c d>'],
    ["command[x]=DIR/show -w '$ARG1$' $ARG2$ z", "x", "<-w><><z>"],
    ["command[x]='DIR/show' \"a  b\" \\| ';'", "x", "<a  b><|><;>"],
    [
      'command_prefix=/usr/bin/env "A=b c" DIR/show\ncommand[x]=DIR/show $ARG1$',
      "x!a b",
      "<DIR/show><a b>",
    ],
    ["command_argument_mode[x]=shell\ncommand[x]=DIR/show $ARG1$", "x!a b", "<a><b>"],
    [
      "command_nasty_metachars[x]=none\ncommand[x]=DIR/show $ARG1$",
      "x!$(id) `id`; | & > * \n\\",
      "<$(id) `id`; | & > * \n\\>",
    ],
  ])("%j answers %j under nowait", async (text, query, output) => {
    const { response, log } = await askOnce(text, query);
    const expected = output.replaceAll("DIR", room.path);
    expect({ text: response?.text, log }).toEqual({ text: expected, log: "" });
  });

  test("is looked for in PATH, where a file that can be executed has its name", async () => {
    const asked = await askOnce(`command[x]=${NAMED} $ARG1$`, "x!a b", { PATH: path });
    expect(asked.response?.text).toBe("<a b>");
  });

  test.each([
    [
      "command[x]=DIR/none $ARG1$",
      "Error: command[x]: DIR/none: No such file or directory (exit status 127: not found)",
    ],
    [
      "command[x]=DIR/not-executable /none",
      "Error: command[x]: DIR/not-executable: Permission denied: it has no execute bit, see " +
      "chmod(1) (exit status 126: not executable)",
    ],
    [
      "command[x]=DIR/no-interpreter /none",
      "Error: command[x]: DIR/no-interpreter: Exec format error, and argument_mode=argv lets no " +
      "shell run it: a script begins with #! and its interpreter (exit status 126: not executable)",
    ],
    [
      "command[x]=no-such-program",
      "Error: command[x]: no-such-program: no executable file of that name in PATH (PATH) (exit status 127: not " +
      "found)",
    ],
    [
      "command[x]=denied",
      "Error: command[x]: denied: no executable file of that name in PATH (PATH) (exit status 127: not found)",
    ],
  ])("%j is answered as UNKNOWN and logged with the reason", async (text, message) => {
    const { response, log } = await askOnce(text, "x!a", { PATH: path });
    expect(response).toMatchObject({ code: 3, text: "NRPE: Unable to read output" });
    const expected = message.replaceAll("PATH (PATH)", `PATH (${path})`)
      .replaceAll("DIR", room.path);
    expect(log).toEndWith(`${expected}\n`);
  });

  test("has the plugin's own exit status, not that of a shell", async () => {
    const { response } = await askOnce("command[x]=DIR/dies", "x");
    expect(response?.code).toBe(3);
  });

  test("is not run by an agent whose nrpe.cfg has another that needs a shell", async () => {
    const asked = await askOnce("command[x]=DIR/show a\ncommand[y]=DIR/show | cat", "x");
    expect([asked.response, asked.status]).toEqual([undefined, 2]);
    expect(asked.log).toContain("argument_mode=argv runs no shell, and | is a pipe\n");
  });

  test("is logged with debug=1 without its arguments", async () => {
    const text = "debug=1\ncommand_prefix=/usr/bin/env\ncommand[x]=/bin/echo 'a $ARG1$'";
    const { response, log } = await askOnce(text, "x!s3cret");
    expect(response?.text).toBe("a s3cret");
    expect(log).toContain("Running command: /usr/bin/env /bin/echo 'a $ARG1$'\n");
    expect(log.replace(/output: .*|Output: .*/g, "")).not.toContain("s3cret");
  });

  test.skipIf(!isRoot)("answers the first client of a wait service, and the next", async () => {
    const text = "wait_idle_timeout=1\ncommand[x]=DIR/show $ARG1$ $ARG2$";
    const { file } = configure(text);
    const [port] = freePorts(1) as [number];
    const listener = listenOn([127, 0, 0, 1], port, 8);
    const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const start = () =>
      Bun.spawn([...asNobody, room.binary, "-n", "-c", file, "-i"], {
        stdio: [listener, listener, listener],
        env: { PATH: "/usr/bin:/bin" },
        cwd: "/",
      });
    const answer = ask({ version: 4, text: "x!a  b!$HOME" }, port);
    const agent = start();
    try {
      expect(await answer).toMatchObject({ response: { text: "<a  b><$HOME>" } });
      const next = await ask({ version: 4, text: "x!c *" }, port);
      expect(next).toMatchObject({ response: { text: "<c *>" } });
    } finally {
      agent.kill("SIGKILL");
      await agent.exited;
      closeFile(listener);
    }
  });
});

describe.skipIf(!isRoot)("--run of a command with argument_mode=argv", () => {
  const run = (text: string, ...args: readonly string[]) => {
    const { file } = configure(`nrpe_user=nobody\nnrpe_group=nogroup\n${text}`);
    const { exitCode, stdout, stderr } = Bun.spawnSync([
      ...[room.binary, "--run", "x", "-c", file, "--"],
      ...args,
    ]);
    return { exit: exitCode, out: stdout.toString(), err: stderr.toString() };
  };

  test("shows each word", () => {
    const { exit, out } = run("command[x]=printf '%s,' '$ARG1$' \"$ARG2$\" -$ARG3$", "a  b");
    expect(exit).toBe(0);
    expect(out).toContain(`
words        'printf'
             '%s,'
             'a  b'
             ''
             '-'
program      /usr/bin/printf, without a shell
`);
    expect(out).toContain("\n  a  b,,-,\n");
  });

  test("says which list of characters refuses an argument", () => {
    const own = run("command[x]=/bin/echo $ARG1$\ncommand_nasty_metachars[x]=%", "50%");
    expect(own.err).toContain('command_nasty_metachars holds "%"');
    expect(run("command[x]=/bin/echo $ARG1$", "a;b").err).toContain('\nnasty_metachars holds ";"');
  });
});
