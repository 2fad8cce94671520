import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_CODES } from "../../lib/diagnose/config/catalogue.ts";
import { makeCrl, makePki, type Pki } from "../support/pki.ts";
import { makeRoom, type Room, ROOT } from "../support/room.ts";
import { readJsonLines } from "../support/schema.ts";

/** A user of every Linux, and its group. */
const NOBODY = "nobody";
const GROUP = Bun.spawnSync(["id", "-gn", NOBODY]).stdout.toString().trim();
const AGENT = `nrpe_user=${NOBODY}\nnrpe_group=${GROUP}\n`;
const isRoot = process.getuid?.() === 0;

let room: Room;
let pki: Pki;

beforeAll(() => {
  room = makeRoom();
  pki = makePki(room);
  room.file("good", "#!/bin/sh\necho fine\n", 0o755);
  room.file("not-executable", "#!/bin/sh\n", 0o644);
  room.file("root-only", "#!/bin/sh\n", 0o700);
  room.file("carriage-return", "#!/bin/sh\r\necho\r\n", 0o755);
  room.file("no-interpreter", "#!/opt/none/perl -w\n", 0o755);
  room.file("no-env-program", "#!/opt/none/env perl\n", 0o755);
  room.file("secret", "text\n", 0o600);
  room.file("empty", "");
  mkdirSync(join(room.path, "closed"));
  room.file("closed/good", "#!/bin/sh\n", 0o755);
  chmodSync(join(room.path, "closed"), 0o700);
});

afterAll(() => room[Symbol.dispose]());

/** A line of `--json`. */
interface Finding {
  readonly file: string;
  readonly line: number | null;
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  readonly suggestion: string | null;
}

/** Replaces DIR by the room's path. */
const inRoom = (text: string) => text.replaceAll("DIR", room.path);

function run(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([room.binary, "--check-config", ...args]);
  return { exit: exitCode, out: stdout.toString(), err: stderr.toString() };
}

/** Checks a text as nrpe.cfg, and returns the findings. */
function check(text: string, ...args: readonly string[]) {
  const path = room.file("nrpe.cfg", inRoom(text));
  const { exit, out, err } = run("-c", path, "--json", ...args);
  expect(err).toBe("");
  const lines = readJsonLines("check-config", out) as Record<string, unknown>[];
  const findings = lines.filter((line) => "severity" in line) as unknown as Finding[];
  return { exit, findings, lines };
}

const GOOD = "command[good]=DIR/good\n";

test("docs/config-codes.md lists every code", () => {
  const page = readFileSync(join(ROOT, "docs", "config-codes.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, code]) => code!);
  const loader = readFileSync(join(ROOT, "lib/config/config.ts"), "utf8");
  const codes = loader.split("export type FindingCode =")[1]!.split(";")[0]!.match(
    /[a-z][a-z-]+/g,
  )!;
  expect(listed.toSorted()).toEqual([...CONFIG_CODES, ...codes].toSorted());
});

describe("--check-config", () => {
  test("suggests a plugin for a near name alone, and never check_nrpe", () => {
    for (const name of ["check_nrpe", "check_ntp", "check_users", "check_disk"]) {
      room.file(name, "#!/bin/sh\n", 0o755);
    }
    const suggestionFor = (name: string) =>
      check(`command[a]=DIR/${name}\n`).findings.find(({ code }) => code === "program-missing")
        ?.suggestion;
    for (const name of ["check_none", "check_nrp", "check_nttp", "check_lode"]) {
      expect(suggestionFor(name)).toBe(
        `install it, or correct the path: command -v ${name}`,
      );
    }
    expect(suggestionFor("check_usres")).toBe(inRoom("write DIR/check_users"));
    expect(suggestionFor("check_dsik")).toBe(inRoom("write DIR/check_disk"));
  });

  test("says how to make the user of nrpe.cfg, where it is missing", () => {
    const { findings } = check(`nrpe_user=nosuchuser\n${GOOD}`);
    expect(findings.find(({ code }) => code === "agent-user")?.suggestion).toBe(
      "useradd --system --no-create-home --shell /usr/sbin/nologin nosuchuser",
    );
  });

  test("prints each finding as a compiler does, with what to do, and the commands", () => {
    const path = room.file("nrpe.cfg", inRoom(`${AGENT}comand_timeout=20\n${GOOD}`));
    const { exit, out } = run("-c", path, "-f");
    expect(out).toContain(
      `${path}:3:1: warning: Unknown option specified in config file '${path}' - Line 3: ` +
        "comand_timeout (did you mean command_timeout?) [unknown-directive]\n" +
        "     3 | comand_timeout=20\n       | ^^^^^^^^^^^^^^^^^\n       = write command_timeout=20\n",
    );
    expect(out).toContain(`\ncommand      good: ${room.path}/good\n`);
    expect(out).toEndWith(`\n1 warning in ${path}\n`);
    expect(exit).toBe(1);
  });

  test("exits with 0 for a sound file, and names the agent's user", () => {
    const { exit, findings, lines } = check(AGENT + GOOD, "-f");
    expect(findings).toEqual([]);
    expect(exit).toBe(0);
    expect(lines.at(-1)).toEqual({
      command: "good",
      file: `${room.path}/nrpe.cfg`,
      line: 3,
      definition: `${room.path}/good`,
      argument_mode: "shell",
      shell: false,
      programs: [{ file: `${room.path}/good`, problem: null }],
    });
  });

  test.each([
    [["--bad"], "unrecognized option '--bad'"],
    [["nrpe.cfg"], "'nrpe.cfg' is no option: the file is named by -c"],
    [["-c"], "option requires an argument -- 'c'"],
  ])("refuses %j with the usage and status 3", (args, problem) => {
    const { exit, out, err } = run(...args);
    expect([exit, out]).toEqual([3, ""]);
    expect(err).toStartWith(`nrpe: ${problem}\n\nUsage: nrpe --check-config -c FILE`);
  });

  test("prints its options with --help", () => {
    expect(run("--help").out).toStartWith("Usage: nrpe --check-config");
  });

  /** What is written, and the severity, code, line and suggestion of the finding. */
  const TEXTS: readonly [
    text: string,
    severity: string,
    code: string,
    line: number | null,
    suggestion: string | null,
  ][] = [
    [
      "command_timeout=0",
      "error",
      "invalid-value",
      4,
      "write command_timeout=60, which is the default",
    ],
    ["debug=yes", "warning", "misread-value", 4, "write debug=1 for yes"],
    ["command_timeout=30s", "warning", "misread-value", 4, "write command_timeout=30"],
    ["debug = 1", "warning", "misread-name", 4, "write debug=1"],
    ["debug 1", "error", "invalid-line", 4, "write debug=1"],
    ["log_file=", "error", "invalid-line", 4, "give it a value, or remove the line"],
    ["command[]=x", "error", "invalid-command", 4, "write command[NAME]=LINE"],
    [
      "command[good]=DIR/good",
      "warning",
      "duplicate-command",
      4,
      "remove one of the two, or give it another name",
    ],
    ["include=DIR/none.cfg", "warning", "include-missing", 4, "create it, or remove the line"],
    ["include=DIR/nrpe.cfg", "error", "include-cycle", 4, "remove the line"],
    [
      "pid_file=DIR/none/nrpe.pid",
      "error",
      "unwritable",
      4,
      `install -d -o ${NOBODY} -g ${GROUP} DIR/none`,
    ],
    [
      "log_file=DIR/none/nrpe.log",
      "warning",
      "unwritable",
      4,
      `install -d -o ${NOBODY} -g ${GROUP} DIR/none`,
    ],
    [
      "metrics_file=DIR/nrpe.prom",
      "warning",
      "unwritable",
      4,
      `setfacl -m u:${NOBODY}:rwx DIR`,
    ],
    ["hosts_deny_file=DIR/none", "warning", "table-missing", 4, "create it, or correct the path"],
    ["ssl_cert_file=DIR/none.pem", "error", "tls", 4, null],
    [
      "command[a]=DIR/good $ARG1$",
      "warning",
      "arguments-refused",
      4,
      "write its value into the line, or set dont_blame_nrpe=1 if clients shall choose it",
    ],
    [
      "command[a]=$USER1$/check_load",
      "warning",
      "foreign-macro",
      4,
      "write what it stands for, such as /usr/lib/nagios/plugins",
    ],
    [
      "dont_blame_nrpe=1",
      "hint",
      "arguments-allowed",
      4,
      "set dont_blame_nrpe=0 unless a command needs them",
    ],
    [
      "command_argument_mode[godo]=argv",
      "warning",
      "undefined-command",
      4,
      "correct the name of the command, or remove the line",
    ],
    [
      "command_argument_mode [good]=argv",
      "error",
      "invalid-command-directive",
      4,
      "write NAME[COMMAND]=VALUE with a name of docs/operation.md, or remove the line",
    ],
    [
      "command[a]=DIR/good | cat\ncommand_argument_mode[a]=argv",
      "error",
      "shell-needed",
      4,
      "quote what is meant as it stands, or put the line into a script, or leave it to a shell: " +
      "command_argument_mode[a]=shell",
    ],
    [
      "argument_mode=argv\ncommand_prefix=A=b",
      "error",
      "shell-needed",
      5,
      "quote what is meant as it stands, or put the line into a script, or leave it to a shell: " +
      "command_argument_mode[NAME]=shell",
    ],
    ["wait_idle_timeout=60", "hint", "ignored-directive", null, null],
    ["ssl_use_adh=1", "hint", "ignored-directive", null, null],
  ];

  test.each(TEXTS)("finds %j", (text, severity, code, line, suggestion) => {
    const { findings } = check(`${AGENT}${GOOD}${text}\n`, "-f");
    expect(
      findings.map(({ severity, code, line, suggestion }) => [severity, code, line, suggestion]),
    )
      .toContainEqual([severity, code, line, suggestion === null ? null : inRoom(suggestion)]);
  });

  test("says once that a file holds Nagios objects", () => {
    const objects = "define command{\n  command_name a\n  command_line $USER1$/a\n}\n".repeat(300);
    const { exit, findings } = check(objects);
    expect(findings.map(({ code, line }) => [code, line])).toEqual([["nagios-objects", 1]]);
    expect(exit).toBe(2);
  });

  test("finds the macro of a here-document that was escaped twice", () => {
    const { findings } = check(`${AGENT}dont_blame_nrpe=1\ncommand[a]=DIR/good \\$ARG1\\$\n`, "-f");
    const escaped = findings.find(({ code }) => code === "escaped-macro");
    expect(escaped?.line).toBe(4);
    expect(escaped?.message).toStartWith("\\$ARG1\\$ keeps its first backslash");
  });

  test("finds carriage returns and a last line without a newline, once a file", () => {
    const { exit, findings } = check(
      `${AGENT}debug=0\r\nconnection_timeout=9\r\ncommand[a]=/bin/true`,
      "-f",
    );
    expect(findings.map(({ code, line, severity }) => [code, line, severity])).toEqual([
      ["crlf", null, "hint"],
      ["no-newline-at-end", 5, "hint"],
    ]);
    expect(exit).toBe(0);
  });

  test("says what does not count in the mode that is given", () => {
    const text = `${AGENT}${GOOD}allowed_hosts=127.0.0.1\nserver_port=5666\n`;
    const codes = (...args: string[]) =>
      check(text, ...args).findings.map(({ code, severity }) => `${severity} ${code}`);
    expect(codes("-i")).toEqual([
      "hint ignored-directive",
      "hint ignored-directive",
      "warning allowed-hosts-inetd",
    ]);
    expect(codes("-d")).toEqual([]);
    expect(codes()).toContain("hint allowed-hosts-inetd");
  });

  test("--load-only exits with 0 for what the agent would load, in spite of warnings", () => {
    const text = `${AGENT}unknown=1\ncommand[a]=/none\n`;
    expect(check(text, "--load-only", "-f").findings.map(({ code }) => code)).toEqual([
      "unknown-directive",
    ]);
    expect(check(text, "--load-only", "-f").exit).toBe(0);
    expect(check(text, "-f").exit).toBe(2);
    expect(check("command_timeout=x\n", "--load-only").exit).toBe(2);
  });

  test("shows whom certificates name and how long they are valid", () => {
    const { lines } = check(
      `${AGENT}${GOOD}ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n`,
      "-f",
    );
    const [first] = lines.filter((line) => "certificate" in line);
    expect(first).toMatchObject({
      certificate: pki.server.cert,
      directive: "ssl_cert_file",
      subject: "CN=server, O=Test",
      daysLeft: 29,
    });
  });

  test("finds an expired certificate, and a key that is another's", () => {
    const codes = (cert: string, key: string) =>
      check(`${AGENT}${GOOD}ssl_cert_file=${cert}\nssl_privatekey_file=${key}\n`, "-f")
        .findings.filter(({ severity }) => severity === "error");
    expect(codes(pki.expired.cert, pki.expired.key).map(({ code, line }) => [code, line]))
      .toEqual([["certificate-expired", 4]]);
    const [mismatch] = codes(pki.server.cert, pki.good.key);
    expect(mismatch).toMatchObject({ code: "tls", line: 5 });
    expect(mismatch!.message).toStartWith("Error: could not use certificate/private key pair");
  });

  /** A configuration with client certificates, which begins in line 4. */
  const TLS = () =>
    `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n` +
    `ssl_cacert_file=${pki.ca.cert}\nssl_client_certs=2\n`;

  test("shows until when a revocation list is in force, and what is wrong with it", () => {
    const found = (crl: string, ca = pki.ca.cert) => {
      const file = room.file("crl.pem", crl);
      const { findings, lines } = check(
        `${AGENT}${GOOD}${TLS()}ssl_cacert_file=${ca}\nssl_crl_file=${file}\n`,
        "-f",
      );
      const [list] = lines.filter(({ directive }) => directive === "ssl_crl_file");
      return { list, codes: findings.map(({ severity, code, line }) => [severity, code, line]) };
    };
    const foreign = {
      cert: join(room.path, "foreign-ca.crt"),
      key: join(room.path, "foreign-ca.key"),
    };
    const good = makeCrl(room, pki.ca);
    const { list, codes } = found(good);
    expect(list).toMatchObject({ subject: "O=Test, CN=ca", daysLeft: 4 });
    expect(codes.filter(([, code]) => String(code).startsWith("crl"))).toEqual([]);
    expect(found(makeCrl(room, pki.ca, { from: -9, until: -2 })).codes)
      .toContainEqual(["error", "crl-expired", 9]);
    expect(found(makeCrl(room, pki.ca, { from: 3600, until: 7200 })).codes)
      .toContainEqual(["error", "crl-expired", 9]);
    expect(found(makeCrl(room, pki.ca, { until: 7200 })).codes)
      .toContainEqual(["warning", "crl-expires", 9]);
    expect(found(good + makeCrl(room, foreign)).codes)
      .toContainEqual(["warning", "crl-of-no-ca", 9]);
    expect(found(good, foreign.cert).codes).toContainEqual(["warning", "crl-missing", 9]);
    expect(found("nothing").codes).toContainEqual(["error", "tls", 9]);
  });

  test("finds lists of certificates where no client shows one", () => {
    const own = "command_allowed_subjects[a]=CN=x\n";
    const codes = (more: string, ...args: string[]) =>
      check(`${AGENT}command[a]=/bin/true\n${TLS()}${more}`, "-f", ...args).findings
        .map(({ severity, code, line }) => `${severity} ${code} ${line}`);
    expect(codes(own).filter((one) => one.startsWith("error"))).toEqual([]);
    expect(codes(`ssl_client_certs=0\n${own}`)).toContain("error command-without-askers 9");
    expect(codes(`ssl_enabled=0\n${own}`)).toContain("error command-without-askers 9");
    expect(codes(own, "-n")).toContain("error command-without-askers 8");
    expect(codes("ssl_allowed_subjects=CN=x\n", "-n")).toContain("error subjects-without-tls 8");
    expect(codes("ssl_allowed_subjects=CN=x\nssl_client_certs=1\n"))
      .toEqual(["error invalid-value 8"]);
  });

  test("suggests no way past a list that is wrong", () => {
    for (const line of ["command_allowed_hosts[a]=10.0.0.1/8", "ssl_allowed_subjects=x"]) {
      const { findings } = check(`${AGENT}command[a]=/bin/true\n${line}\n`, "-f");
      expect(findings.map(({ code, suggestion }) => [code, suggestion]))
        .toEqual([["invalid-value", "correct the list"]]);
    }
  });

  test("makes no state file", () => {
    const { exit } = check(`${AGENT}${GOOD}tls_state_file=DIR/state.pem\n`, "-f");
    expect(exit).toBe(0);
    expect(existsSync(join(room.path, "state.pem"))).toBe(false);
  });

  test("reads neither a FIFO nor a device to its end", () => {
    Bun.spawnSync(["mkfifo", "-m", "755", join(room.path, "fifo")]);
    const { findings } = check(
      `${AGENT}log_file=DIR/fifo\nssl_cacert_file=DIR/fifo\ncommand[a]=DIR/fifo\ncommand[b]=/bin/sh DIR/fifo\n`,
      ...["-f", "-n"],
    );
    expect(findings.map(({ code, line }) => [code, line])).toContainEqual([
      "program-not-executable",
      5,
    ]);
    for (const directive of ["ssl_cert_file", "ssl_crl_file"]) {
      const { findings } = check(`${AGENT}${GOOD}${TLS()}${directive}=DIR/fifo\n`, "-f");
      expect(findings.find(({ code }) => code === "tls")?.message)
        .toContain("it is neither a regular file nor a device");
    }
    expect(run("-c", "/dev/zero").exit).toBe(2);
    expect(run("-c", join(room.path, "fifo")).exit).toBe(2);
  }, 30_000);
});

describe.skipIf(!isRoot)("--check-config for the agent's user", () => {
  /** Command lines, and the code and the beginning of the suggestion; without a code nothing is found. */
  const COMMANDS: readonly { line: string; code?: string; suggestion?: string }[] = [
    { line: "DIR/good" },
    { line: "DIR/good -w 5 | /bin/cat" },
    { line: "/bin/sh -c 'DIR/good; echo $?'" },
    { line: "A=1 /usr/bin/env B=2 DIR/good" },
    { line: "if test -e /x; then DIR/good; fi" },
    {
      line: "DIR/not-executable",
      code: "program-not-executable",
      suggestion: "chmod a+x DIR/not-executable",
    },
    {
      line: "DIR/root-only",
      code: "program-not-executable",
      suggestion: `chgrp ${GROUP} DIR/root-only && chmod g+rx DIR/root-only`,
    },
    { line: "DIR/closed/good", code: "program-not-executable", suggestion: "chmod a+x DIR/closed" },
    {
      line: "DIR/carriage-return",
      code: "interpreter-missing",
      suggestion: "sed -i 's/\\r$//' DIR/carriage-return",
    },
    {
      line: "DIR/no-interpreter",
      code: "interpreter-missing",
      suggestion: "sed -i '1s|/opt/none/perl|",
    },
    { line: "DIR/godo", code: "program-missing", suggestion: "write DIR/good" },
    {
      line: "DIR/none/good",
      code: "program-missing",
      suggestion: "install it, or correct the path",
    },
    { line: "DIR", code: "program-not-executable" },
    {
      line: "/bin/cat /etc/hosts && DIR/not-executable",
      code: "program-not-executable",
      suggestion: "chmod a+x DIR/not-executable",
    },
    {
      line: "/usr/bin/timeout -k 5 10 DIR/not-executable",
      code: "program-not-executable",
      suggestion: "chmod a+x",
    },
    { line: "/usr/bin/nice -n 5 DIR/godo", code: "program-missing", suggestion: "write DIR/good" },
    { line: "/bin/sh -c 'exec DIR/godo'", code: "program-missing", suggestion: "write DIR/good" },
    {
      line: "/bin/sh DIR/secret",
      code: "program-not-executable",
      suggestion: `chgrp ${GROUP} DIR/secret`,
    },
    {
      line: "no-such-program -x",
      code: "program-not-in-path",
      suggestion: "write the whole path of the program",
    },
    { line: "cat /etc/hosts", code: "program-by-path", suggestion: "write /usr/bin/cat" },
    {
      line: "plugins/check_load",
      code: "relative-program",
      suggestion: "write the whole path of the program",
    },
  ];

  test.each(COMMANDS)("$line", ({ line, code, suggestion = "" }) => {
    const { findings } = check(`${AGENT}command[a]=${line}\n`, "-f");
    if (code === undefined) expect(findings).toEqual([]);
    else {
      expect(findings.map(({ code }) => code)).toEqual([code]);
      expect(findings[0]!.suggestion ?? "").toStartWith(inRoom(suggestion));
    }
  });

  /** Lines behind dont_blame_nrpe=1, and what is said about them. */
  const ARGUMENTS: readonly [text: string, finding: readonly string[] | null][] = [
    ["command[a]=DIR/good", null],
    ["command[a]=DIR/good | /bin/cat", null],
    [
      "command[a]=DIR/good $ARG2$",
      ["warning", "argv-would-do", "command[a] needs no shell, and one reads the client's $ARG2$"],
    ],
    [
      "command[a]=DIR/good '$ARG1$' | /bin/cat",
      ["hint", "shell-used", "command[a] passes the client's $ARG1$ to a shell: | is a pipe"],
    ],
    [
      "command_prefix=A=b\ncommand[a]=DIR/good $ARG1$",
      [
        "hint",
        "shell-used",
        "command[a] passes the client's $ARG1$ to a shell: A= is a variable for /usr/bin/env to set",
      ],
    ],
    ["argument_mode=argv\ncommand[a]=DIR/good $ARG1$", null],
    ["command[a]=DIR/good $ARG1$\ncommand_argument_mode[a]=argv", null],
    [
      "argument_mode=argv\ncommand[a]=DIR/good $ARG1$\ncommand_argument_mode[a]=shell",
      ["warning", "argv-would-do", "command[a] needs no shell, and one reads the client's $ARG1$"],
    ],
    [
      "argument_mode=argv\ncommand[a]=DIR/bare '$ARG1$'",
      [
        "error",
        "interpreter-missing",
        "command[a] cannot run: DIR/bare: its interpreter is not named, and no shell runs it " +
        "(argument_mode=argv)",
      ],
    ],
    ["command[a]=DIR/bare", null],
    [
      "argument_mode=argv\ncommand[a]=DIR/godo '|'",
      ["error", "program-missing", "command[a] cannot run: DIR/godo: No such file or directory"],
    ],
    ["argument_mode=argv\ncommand[a]=/usr/bin/timeout 5 DIR/good '$ARG1$;'", null],
  ];

  test.each(ARGUMENTS)("says of %j which mode suits it", (text, finding) => {
    room.file("bare", "echo hello\n", 0o755);
    const { findings } = check(`${AGENT}dont_blame_nrpe=1\n${text}\n`, "-f");
    const others = findings.filter((one) => one.code !== "arguments-allowed");
    expect(others.map((one) => [one.severity, one.code, one.message])).toEqual(
      finding === null ? [] : [finding.map(inRoom)],
    );
    const { findings: refused } = check(`${AGENT}${text}\n`, "-f");
    const advice = ["argv-would-do", "shell-used"];
    expect(refused.filter((one) => advice.includes(one.code))).toEqual([]);
  });

  test("shows the mode of each command with --json", () => {
    const text = "argument_mode=argv\ncommand[a]=DIR/good\ncommand[b]=DIR/good\n" +
      "command_argument_mode[b]=shell\n";
    const { lines } = check(AGENT + text, "-f");
    const modes = lines.filter((one) => "command" in one).map((one) => one.argument_mode);
    expect(modes).toEqual(["argv", "shell"]);
  });

  test("knows what mode bits do not show: a file system that is mounted noexec", () => {
    const mount = join(room.path, "mount");
    mkdirSync(mount);
    const path = room.file("nrpe.cfg", `${AGENT}command[a]=${mount}/good\n`);
    const { exitCode, stdout } = Bun.spawnSync([
      ...["unshare", "-m", "sh", "-c"],
      `mount -t tmpfs -o noexec,mode=755 tmpfs ${mount} && cp ${room.path}/good ${mount}/ && ` +
      `exec ${room.binary} --check-config -c ${path} -f --json`,
    ]);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout.toString().split("\n")[0]!).message).toContain("mounted noexec");
  });

  test("runs none of the programs", () => {
    const trace = join(room.path, "trace");
    room.file("tracing", `#!/bin/sh\necho >> ${trace}\n`, 0o755);
    check(`${AGENT}command[a]=DIR/tracing\ncommand[b]=/bin/sh -c DIR/tracing\n`, "-f");
    expect(existsSync(trace)).toBe(false);
  });

  test("finds what the user cannot read: an include, a table, a key", () => {
    const { cert, key } = pki.server;
    chmodSync(key, 0o600);
    room.file("part.cfg", "debug=0\n", 0o600);
    const text = `${AGENT}${GOOD}include=DIR/part.cfg\nhosts_allow_file=DIR/secret\n` +
      `ssl_cert_file=${cert}\nssl_privatekey_file=${key}\n`;
    const found = (...args: string[]) =>
      check(text, ...args).findings.map(({ severity, code, line }) =>
        `${severity} ${code} ${line}`
      );
    expect(found("-f")).toEqual([
      "error config-unreadable-for-agent 4",
      "error table-unreadable-for-agent 5",
      "warning certificate-expires 6",
      "warning certificate-expires 6",
      "warning tls-unreadable-for-agent 7",
    ]);
    chmodSync(key, 0o644);
    expect(found("-f")).toContain("warning key-readable-by-others 7");
    expect(found("-f", "-n").join()).not.toContain("key");
  });

  describe.skipIf(!isRoot)("says who else may change or read what the agent is made of", () => {
    const exposed = (text: string) =>
      check(`${AGENT}${text}${GOOD}`, "-f").findings.flatMap(({ code, message, suggestion }) =>
        /^(writable-by-others|key-readable)/.test(code)
          ? [`${code}: ${message} (${suggestion})`]
          : []
      );

    beforeEach(() => {
      mkdirSync(join(room.path, "open", "d"), { recursive: true });
      room.file("open/d/one.cfg", "");
      room.file("open/allow", "");
      room.file("open/key.pem", readFileSync(pki.server.key));
    });

    afterEach(() => rmSync(join(room.path, "open"), { recursive: true }));

    const command = (line: string) => Bun.spawnSync(["sh", "-c", line], { cwd: room.path });

    test.each([
      [
        "chmod 666 open/d/one.cfg",
        "every user may change DIR/open/d/one.cfg",
        "what the agent runs",
      ],
      [
        "chmod 777 open/d",
        "every user may change what is in the directory DIR/open/d",
        "what the agent runs",
      ],
      [
        "chgrp daemon open; chmod 775 open",
        "the group daemon may change what is in the directory DIR/open",
        "what the agent runs",
      ],
      [
        "chown daemon open/d/one.cfg",
        "its owner daemon may change DIR/open/d/one.cfg",
        "what the agent runs",
      ],
      [
        "mv open/d open/e; ln -s ../open/e open/d; chmod 777 open/e",
        "every user may change what is in the directory DIR/open/e",
        "what the agent runs",
      ],
      [
        "mv open/d open/e; ln -s ../open/e open/d; chown -h daemon open/d",
        "its owner daemon may change DIR/open/d",
        "what the agent runs",
      ],
      ["chmod 602 open/allow", "every user may change DIR/open/allow", "who is let in"],
      [
        "chmod 606 open/key.pem",
        "every user may change DIR/open/key.pem",
        "which certificates count",
      ],
    ])("after %s", (act, exposure, what) => {
      const text = `include_dir=DIR/open/d\nhosts_allow_file=DIR/open/allow\n` +
        `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=DIR/open/key.pem\n`;
      command("chmod 640 open/key.pem");
      expect(exposed(text)).toEqual([]);
      command(act);
      expect(exposed(text)[0]).toStartWith(
        inRoom(`writable-by-others: ${exposure}, and so ${what} (`),
      );
    });

    test("but not what only root and the agent's user and group may", () => {
      command(`chown -R ${NOBODY}:${GROUP} open; chmod 775 open open/d; chmod 664 open/d/one.cfg`);
      expect(exposed("include_dir=DIR/open/d\n")).toEqual([]);
    });

    test("and not what is in a sticky directory, such as /tmp", () => {
      command("chmod 1777 open open/d");
      expect(exposed("include_dir=DIR/open/d\n")).toEqual([]);
    });

    test.each([
      ["chmod 604 open/key.pem", "every user"],
      ["chgrp daemon open/key.pem; chmod 640 open/key.pem", "the group daemon"],
    ])("a key after %s", (act, who) => {
      command(act);
      expect(exposed(`ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=DIR/open/key.pem\n`)[0])
        .toStartWith(
          inRoom(`key-readable-by-others: ${who} may read the private key in DIR/open/`),
        );
    });
  });

  test("names the commands that need the rights which no_new_privs=1 takes", () => {
    const set = room.file("set-user-id", "", 0o755);
    chmodSync(set, 0o4755);
    const group = room.file("set-group-id", "", 0o755);
    chmodSync(group, 0o2755);
    const text = `${AGENT}${GOOD}command[user]=DIR/set-user-id\ncommand[group]=DIR/set-group-id\n`;
    const found = (more: string) =>
      check(`${text}${more}`, "-f").findings.flatMap(({ code, message }) =>
        code === "no-new-privs" ? [message] : []
      );
    expect(found("")).toEqual([]);
    expect(found("no_new_privs=1\n")).toEqual([
      inRoom(
        `command[user]: no_new_privs=1 makes the set-user-ID bit of DIR/set-user-id ineffective`,
      ),
      inRoom(
        `command[group]: no_new_privs=1 makes the set-group-ID bit of DIR/set-group-id ineffective`,
      ),
    ]);
  });

  test("knows that root opens a daemon's files first", () => {
    const { findings } = check(`${AGENT}${GOOD}log_file=DIR/closed/log\n`, "-f");
    expect(findings.map(({ code, severity }) => [code, severity]))
      .toEqual([["written-by-root-alone", "hint"]]);
  });

  test.each([
    [
      "nrpe_user=no-such-user\n",
      "agent-user",
      "Error: Could not get passwd entry for 'no-such-user'",
    ],
    [
      "nrpe_user=root\nnrpe_group=root\n",
      "agent-user",
      "Error: NRPE daemon cannot be run as user/group root! (set nrpe_user and nrpe_group)",
    ],
  ])("finds %j in the agent's words", (text, code, message) => {
    const { exit, findings } = check(text + GOOD, "-f");
    expect(findings.map(({ code, message }) => [code, message])).toEqual([[code, message]]);
    expect(exit).toBe(2);
  });

  test("does not take another user's rights for the agent's", () => {
    const path = room.file("nrpe.cfg", inRoom(`nrpe_user=daemon\nnrpe_group=daemon\n${GOOD}`));
    const { stdout } = Bun.spawnSync([
      ...["setpriv", `--reuid=${NOBODY}`, `--regid=${GROUP}`, "--clear-groups"],
      ...[room.binary, "--check-config", "-c", path, "-f", "--json"],
    ]);
    expect(JSON.parse(stdout.toString().split("\n")[0]!).message)
      .toBe("what nobody may do is checked, who runs this command; the agent runs as daemon");
  });
});
