/**
 * This file by the names tcpdmatch and tcpdchk: what it prints, beside Debian's, and its exit status.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";

const HOSTS =
  "127.0.0.1 localhost\n10.0.0.1 two.example\n10.0.0.2 two.example\n10.0.0.3 x.example\n";

const ALLOW = `nrpe: 10.0.0.1, 192.0.2.0/24
in.ftpd: ALL: spawn (echo %a %d) &: setenv A b : allow
vsftpd: ALL: bogus
no colon
nrpe: 10.9.9.9: nice x
nrpe@localhost: 127.0.0.1
sshd, ALL EXCEPT in.ftpd: [::1]:severity  local1.info
in.telnetd: foo@10.0.0.3 : twist /bin/echo %h
`;
const DENY = "nrpe: ALL\nALL: 10.: allow\nALL: 11.: deny\n";
const INETD = `nrpe stream tcp nowait root /usr/sbin/tcpd nrpe -x
ftp stream tcp nowait root /bin/cat in.ftpd
ssh stream tcp nowait root @NRPE@ nrpe --wrap /usr/sbin/sshd -i
daytime stream tcp nowait root internal
missing stream tcp nowait root /usr/sbin/tcpd /usr/sbin/nosuchd
`;

/** Questions, and the exit status that tells their answers apart. */
const QUESTIONS: readonly [question: string, status: number][] = [
  ["nrpe 10.0.0.1", 0],
  ["nrpe 10.0.0.7", 1],
  ["nrpe 10.9.9.9", 1],
  ["nrpe two.example", 1],
  ["nrpe@localhost localhost", 0],
  ["nrpe@paranoid foo@x.example", 1],
  ["nrpe unknown", 1],
  ["nrpe paranoid", 1],
  ["/usr/sbin/nrpe 192.0.2.1", 0],
  ["in.ftpd 192.0.2.9", 0],
  ["vsftpd 192.0.2.9", 1],
  ["sshd ::1", 0],
  ["sshd 11.0.0.1", 1],
  ["in.telnetd foo@10.0.0.3", 0],
  ["in.telnetd foo@10.0.0.4", 0],
  ["other 192.0.2.9", 0],
];

describe.skipIf(peersMissing("tcpd"))("this file", () => {
  let room: Room;

  beforeAll(() => {
    room = makeRoom();
    mkdirSync(join(room.path, "names"));
    for (const name of ["tcpdmatch", "tcpdchk"]) linkSync(room.binary, join(room.path, name));
    room.file("hosts.allow", ALLOW);
    room.file("hosts.deny", DENY);
    room.file("inetd.conf", INETD.replace("@NRPE@", room.binary));
    room.file("etc-hosts", HOSTS);
    room.file("nsswitch", "passwd: files\ngroup: files\nhosts: files\n");
  });

  afterAll(() => room?.[Symbol.dispose]());

  /** Runs a program in the room, where names come from its own files. */
  function run(program: string, ...args: readonly string[]) {
    const script =
      "mount --bind etc-hosts /etc/hosts && mount --bind nsswitch /etc/nsswitch.conf && " +
      'exec "$@"';
    const ended = Bun.spawnSync(["unshare", "-m", "sh", "-c", script, "sh", program, ...args], {
      cwd: room.path,
    });
    return {
      status: ended.exitCode,
      stdout: ended.stdout.toString().split("\n"),
      stderr: ended.stderr.toString().split("\n"),
    };
  }

  /** Rows that Debian's tell syslog. */
  const explains = (row: string) => /^(matched|option): /.test(row);

  test.each(QUESTIONS)("by the name tcpdmatch answers %s as Debian's", (question, status) => {
    const words = question.split(" ");
    const theirs = run("/usr/sbin/tcpdmatch", "-d", "-i", "inetd.conf", ...words);
    const ours = run(join(room.path, "tcpdmatch"), "-d", ...words, "-iinetd.conf");
    expect(ours.stdout.filter((row) => !explains(row))).toEqual(theirs.stdout);
    expect(ours.status).toBe(status);
  });

  test("by the name tcpdmatch prints the rule, its options and what is wrong", () => {
    const tcpdmatch = join(room.path, "tcpdmatch");
    const granted = run(tcpdmatch, "-d", "-i", "inetd.conf", "in.ftpd", "192.0.2.9");
    expect(granted.stdout.slice(2, -1)).toEqual([
      "matched:  hosts.allow line 2",
      "option:   spawn (echo 192.0.2.9 in.ftpd) &",
      "option:   setenv A b",
      "option:   allow",
      "access:   granted",
    ]);
    expect(granted.stderr).toEqual([
      "warning: inetd.conf, line 5: /usr/sbin/nosuchd: not found: No such file or directory",
      "warning: in.ftpd: service possibly not wrapped",
      "",
    ]);
    const wrong = run(tcpdmatch, "-d", "-i", "inetd.conf", "vsftpd", "192.0.2.9");
    expect(wrong.stderr.slice(-3)).toEqual([
      "warning: vsftpd: no such process name in inetd.conf",
      'error: hosts.allow, line 3: bad option name: "bogus"',
      "",
    ]);
  });

  test.each(["tcpdmatch", "tcpdchk"])("by the name %s exits with 2 without an answer", (name) => {
    const program = join(room.path, name);
    const words = name === "tcpdmatch" ? ["nrpe", "10.0.0.1"] : [];
    for (const args of [["-z", ...words], ["word", ...words], ["-i", "nosuch", ...words], ["-i"]]) {
      const { status, stdout } = run(program, ...args);
      expect([status, ...stdout]).toEqual([2, ""]);
    }
    expect(run(program, "-i", "nosuch", ...words).stderr[0]).toBe(
      "open nosuch: No such file or directory",
    );
  });

  test("by the name tcpdmatch does not know a host", () => {
    const { status, stderr } = run(join(room.path, "tcpdmatch"), "-d", "nrpe", "nosuch.example");
    expect([status, stderr[0]]).toEqual([2, "error: nosuch.example: host not found"]);
  });

  test("by the name tcpdchk lists the rules as Debian's, and exits with 1 for errors", () => {
    const theirs = run("/usr/sbin/tcpdchk", "-v", "-d", "-i", "inetd.conf");
    const ours = run(join(room.path, "tcpdchk"), "-vd", "-i", "inetd.conf");
    const rows = ours.stdout.filter((row) => !explains(row));
    // Debian's calls a rule with twist granted.
    expect(rows.map((row) => row.replace("delegated", "granted"))).toEqual(theirs.stdout);
    expect(ours.stdout).toContain("option:   spawn (echo client_addr daemon_name) &");
    expect(ours.stderr.join("\n")).toMatch(/^error: hosts.allow, line 3: bogus is not an option/m);
    expect(ours.stderr).toContain(
      "warning: hosts.allow, line 2: in.ftpd: service possibly not wrapped",
    );
    expect(ours.stderr).toContain(
      "warning: hosts.allow, line 8: in.telnetd: no such process name in inetd.conf",
    );
    expect(ours.status).toBe(1);
  });

  test("by the name tcpdchk does not recommend an option that it has not", () => {
    room.file("names/hosts.allow", "nrpe: x.example\nnrpe: short\n");
    room.file("names/hosts.deny", "nrpe: ALL\n");
    const { stderr } = run("sh", "-c", `cd names && exec ${join(room.path, "tcpdchk")} -d`);
    expect(stderr.join("\n")).toContain("[name-lookup]; give addresses or nets as well");
    expect(stderr.join("\n")).not.toContain("--lookup");
  });

  test("by the name tcpdchk reports rules that grant without saying so with -a", () => {
    const { stderr } = run(join(room.path, "tcpdchk"), "-d", "-a", "-i", "inetd.conf");
    const found = stderr.flatMap((line) =>
      /^warning: hosts.allow, line (\d+): implicit "allow" at end of rule$/.exec(line)?.[1] ?? []
    );
    expect(found).toEqual(["1", "6", "7"]);
  });

  test("by the name tcpdchk exits with 0 where nothing is wrong", () => {
    using clean = makeRoom();
    clean.file("hosts.allow", "nrpe: 10.0.0.1\n");
    clean.file("hosts.deny", "ALL: ALL\n");
    linkSync(clean.binary, join(clean.path, "tcpdchk"));
    const ended = Bun.spawnSync([join(clean.path, "tcpdchk"), "-d"], { cwd: clean.path });
    expect(ended.exitCode).toBe(0);
  });
});

/** Starts a program with a connection on descriptor 3, see sd_listen_fds(3), and prints what it sends. */
const PASSES_CONNECTION = `
use Socket; use POSIX;
socket(L, PF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 1);
socket(C, PF_INET, SOCK_STREAM, 0); connect(C, getsockname(L)); accept(S, L);
if (fork() == 0) {
  POSIX::dup2(fileno(S), 3);
  $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = 1;
  exec @ARGV;
}
close(S);
print while <C>;
wait;
`;

describe.skipIf(peersMissing("tcpd"))("--wrap and tcpd", () => {
  /** Runs a program where the access tables are empty. */
  const run = (room: Room, binary: string, args: readonly string[], argv0 = binary) => {
    const [empty, errors] = [room.file("empty", ""), room.file("errors", "")];
    const tables = ["allow", "deny"].map((name) => `mount --bind ${empty} /etc/hosts.${name}`);
    const script = `${tables.join(" && ")} && exec "$@" 2> ${errors}`;
    // A shell knows no other way to choose argv[0].
    const perl = ["perl", "-e", "exec { shift } @ARGV", binary, argv0, ...args];
    const ended = Bun.spawnSync(["unshare", "-m", "sh", "-c", script, "sh", ...perl], { cwd: "/" });
    return {
      status: ended.exitCode,
      stdout: ended.stdout.toString(),
      stderr: readFileSync(errors, "utf8"),
    };
  };

  test("find the program in PATH, and pass all that follows it on", () => {
    using room = makeRoom();
    const { status, stdout } = run(room, room.binary, ["--wrap", "echo", "a", "--check-access"]);
    expect([status, stdout]).toEqual([0, "a --check-access\n"]);
  });

  test("want the program, and --wrap as the first option", () => {
    using room = makeRoom();
    for (const args of [["--wrap"], ["-n", "--wrap", "echo"]]) {
      const { status, stdout, stderr } = run(room, room.binary, args);
      expect([status, stdout, stderr]).toEqual([
        2,
        "",
        "nrpe: --wrap is the first option: nrpe --wrap PROGRAM [ARGS...]\n",
      ]);
    }
  });

  test("ask about the connection that a service manager passes, and pass it on", () => {
    using room = makeRoom();
    room.file("allow", "sh: 127.0.0.1\n");
    room.file("deny", "ALL: ALL\n");
    const program = 'echo "$LISTEN_FDS $((LISTEN_PID == $$)) $(readlink /proc/$$/fd/0)" >&3';
    const ended = Bun.spawnSync([
      "unshare",
      "-m",
      "sh",
      "-c",
      'mount --bind allow /etc/hosts.allow && mount --bind deny /etc/hosts.deny && exec "$@"',
      "sh",
      ...["perl", "-e", PASSES_CONNECTION, room.binary, "--wrap", "/bin/sh", "-c", program],
    ], { cwd: room.path, stdin: "ignore" });
    expect(ended.stdout.toString()).toBe("1 1 /dev/null\n");
  });

  test("do not start themselves for ever", () => {
    using room = makeRoom();
    const tcpd = join(room.path, "tcpd");
    linkSync(room.binary, tcpd);
    const { status, stderr } = run(room, tcpd, ["x"]);
    expect([status, stderr]).toEqual([
      2,
      "nrpe: argv[0] names no service: see tcpd(8), or use --wrap\n",
    ]);
  });

  test("start the agent, which is the same file by another name", () => {
    using room = makeRoom();
    const tcpd = join(room.path, "tcpd");
    linkSync(room.binary, tcpd);
    const { stdout } = run(room, tcpd, ["-V"], room.binary);
    expect(stdout).toStartWith("NRPE - Nagios Remote Plugin Executor");
  });
});
