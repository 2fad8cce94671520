import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { VERSION } from "../../lib/version.ts";
import { makeRoom, type Room } from "../support/room.ts";

const NOBODY = "nobody";
const id = (...args: string[]) => Bun.spawnSync(["id", ...args, NOBODY]).stdout.toString().trim();
const GROUP = id("-gn");
const isRoot = process.getuid?.() === 0;

let room: Room;
let config: string;

beforeAll(() => {
  room = makeRoom();
  room.file("speaks", "#!/bin/sh\necho out; echo err >&2; exit 1\n", 0o755);
  room.file(
    "shows",
    '#!/bin/sh\nid -un; id -gn; pwd; ulimit -n; echo "$PATH"; env | wc -l\n',
    0o755,
  );
  room.file("dies", "#!/bin/sh\nkill -9 $$\n", 0o755);
  room.file("floods", "#!/bin/sh\nhead -c 1000000 /dev/zero >&2\necho done\n", 0o755);
  room.file("odd", "#!/bin/sh\nprintf 'a\\033[1mb\\303\\251\\nsecond\\n'\n", 0o755);
  config = room.file(
    "nrpe.cfg",
    `nrpe_user=${NOBODY}\nnrpe_group=${GROUP}\ncommand_timeout=1\ndont_blame_nrpe=1\n` +
      `command_prefix=/usr/bin/env\n` +
      ["speaks", "shows", "dies", "floods", "odd", "missing"].map((name) =>
        `command[${name}]=${room.path}/${name}\n`
      ).join("") +
      "command[slow]=/bin/sleep 30\ncommand[args]=/bin/echo $ARG1$,$ARG2$; exit 2\n",
  );
});

afterAll(() => room[Symbol.dispose]());

function run(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([room.binary, ...args], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", SECRET: "s3cret" },
    cwd: room.path,
  });
  return { exit: exitCode, out: stdout.toString(), err: stderr.toString() };
}

describe.skipIf(!isRoot)("--run", () => {
  test("runs with no_new_privs where the agent does", () => {
    const own = (more: string) =>
      room.file(
        "own.cfg",
        `nrpe_user=${NOBODY}\nnrpe_group=${GROUP}\n${more}` +
          "command[status]=/bin/grep NoNewPrivs /proc/self/status\n",
      );
    expect(run("--run", "status", "-c", own("")).out).toContain("NoNewPrivs:\t0");
    expect(run("--run", "status", "-c", own("no_new_privs=1\n")).out).toContain("NoNewPrivs:\t1");
  });

  test("shows the line, the program, the state, and both outputs", () => {
    const { exit, out, err } = run("--run", "speaks", "-c", config);
    expect([exit, err]).toEqual([1, ""]);
    expect(out.replace(/time +[0-9]+ ms/, "time MS")).toBe(
      `command      speaks, by ${config}:6
line         /usr/bin/env ${room.path}/speaks
program      /usr/bin/env, without a shell
user         ${NOBODY} (user ${id("-u")}, group ${id("-g")}), by nrpe_user
environment  NRPE_MULTILINESUPPORT=1
             NRPE_PROGRAMVERSION=${VERSION}
             PATH=/usr/bin:/bin:/usr/sbin:/sbin
             HOME=/nonexistent
             USER=${NOBODY}
             LOGNAME=${NOBODY}
             SHELL=/usr/sbin/nologin
status       exit status 1: WARNING
time MS of 1 s

standard output, 4 bytes:
  out

standard error, which the agent discards, 4 bytes:
  err
`,
    );
  });

  test("runs it with a daemon's user, directory, limit and environment", () => {
    const { out } = run("-c", config, "--run", "shows");
    const lines = out.split("standard output")[1]!.split("\n").slice(1, 7).map((line) =>
      line.trim()
    );
    expect(lines).toEqual([NOBODY, GROUP, "/", "1024", "/usr/bin:/bin:/usr/sbin:/sbin", "8"]);
    expect(out).not.toContain("s3cret");
  });

  test("passes the caller's environment on with -i, and does not print it", () => {
    const { stdout } = Bun.spawnSync([
      ...["setpriv", `--reuid=${NOBODY}`, `--regid=${GROUP}`, "--clear-groups"],
      ...[room.binary, "-c", config, "-i", "--run", "shows"],
    ], { cwd: room.path, env: { PATH: "/usr/bin:/bin", SECRET: "s3cret" } });
    const out = stdout.toString();
    expect(out).toContain(`\n  ${room.path}\n`);
    expect(out).toContain("\n  /usr/bin:/bin\n");
    expect(out).not.toContain("s3cret");
  });

  test.each<[string[], number, string]>([
    [["args", "one", "two"], 2, "\n  one,two\n"],
    [["args", "--", "-c", "--run"], 2, "\n  -c,--run\n"],
    [["dies"], 3, "killed by signal 9: UNKNOWN"],
    [["slow"], 3, "timed out after 1 s (command_timeout): UNKNOWN"],
    [["floods"], 0, "standard error, which the agent discards, 65536 bytes"],
    [["odd"], 0, "\n  a\\x1b[1mbé\n  second\n"],
    [["missing"], 3, `exit status 127: UNKNOWN`],
  ])("of %j exits with %d and shows %j", (args, status, text) => {
    const { exit, out } = run("--run", ...args.slice(0, 1), "-c", config, ...args.slice(1));
    expect(out).toContain(text);
    expect(exit).toBe(status);
  });

  test.each<[string[], string]>([
    [["args", "a;b"], 'Request contained illegal metachars!\nnasty_metachars holds ";"'],
    [["args", "$(id)"], "Request contained a bash command substitution, but they are disallowed!"],
    [["speak"], "Command 'speak' not defined; did you mean speaks?\nDefined are: speaks, shows"],
    [[], "--run needs the name of a command\n\nUsage: nrpe --run COMMAND"],
    [
      ["args", "-w"],
      "invalid option -- 'w'; arguments that begin with a minus sign stand after --",
    ],
  ])("of %j runs nothing, exits with 3 and says why", (args, text) => {
    const { exit, out, err } = run("--run", ...args, "-c", config);
    expect([exit, out]).toEqual([3, ""]);
    expect(err).toStartWith(`nrpe: ${text}`);
  });

  test("with --list prints the names of the commands of all files and runs none", () => {
    room.file("more.cfg", "command[further]=/bin/false\ncommand[odd \x1b name]=/bin/false\n");
    const whole = room.file("whole.cfg", `include=${config}\ninclude=${room.path}/more.cfg\n`);
    const names = "speaks shows dies floods odd missing slow args further".split(" ");
    const out = `${names.join("\n")}\nodd ? name\n`;
    expect(run("--run", "--list", "-c", whole)).toEqual({ exit: 0, out, err: "" });
    expect(run("--run", "--list", "-c", whole, "odd")).toMatchObject({ exit: 3, out: "" });
    // Behind -- it is an argument.
    expect(run("--run", "args", "-c", config, "--", "--list").out).toContain("--list,");
  });

  test("without dont_blame_nrpe refuses arguments as the agent does", () => {
    const strict = room.file("strict.cfg", "command[a]=/bin/echo $ARG1$\n");
    const { exit, err } = run("--run", "a", "b", "-c", strict);
    expect(exit).toBe(3);
    expect(err).toBe(
      "nrpe: Request contained command arguments, but argument option is not enabled!\n" +
        "dont_blame_nrpe=1 would allow arguments\n",
    );
  });

  test("as root without nrpe_user runs nothing", () => {
    const path = room.file("root.cfg", "command[a]=/bin/echo x\n");
    const { exit, out, err } = run("--run", "a", "-c", path);
    expect([exit, out]).toEqual([3, ""]);
    expect(err).toStartWith("nrpe: Error: NRPE daemon cannot be run as user/group root!");
  });
});
