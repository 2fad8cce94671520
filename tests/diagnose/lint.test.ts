import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { lintMode } from "../../lib/diagnose/lint/file_mode.ts";
import {
  inetdDaemons,
  serviceDaemons,
  servicesNames,
  xinetdDaemons,
} from "../../lib/diagnose/lint/services.ts";
import { BINARY, makeRoom } from "../support/room.ts";
import { readJsonLines } from "../support/schema.ts";

function run(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([BINARY, "--check-access", ...args]);
  return { exit: exitCode, out: stdout.toString(), err: stderr.toString() };
}

function lint(allow: string, deny: string, ...args: readonly string[]) {
  return run("--hosts-allow", allow, "--hosts-deny", deny, ...args);
}

describe("--check-access without a client", () => {
  test("shows the place, the line with a mark, and what to do", () => {
    using room = makeRoom();
    const allow = room.file("allow", "# monitoring\nnrpe:\t10.0.0.1, 10.0.0.5/24\n");
    const deny = room.file("deny", "nrpe: ALL\n");
    expect(lint(allow, deny)).toEqual({
      exit: 1,
      out: `${allow}:2:17: error: bits beyond the mask are set, so this matches no client, ` +
        `not even that host [host-bits-set]
     2 | nrpe: 10.0.0.1, 10.0.0.5/24
       |                 ^^^^^^^^^^^
       = write 10.0.0.0/24 for the net, or 10.0.0.5 for the one host

1 error in ${allow} (1 rule) and ${deny} (1 rule)
`,
      err: "",
    });
  });

  test("prints one object a line with --json", () => {
    using room = makeRoom();
    const allow = room.file("allow", "nrpe: 10.0.0.5/24 [::1]/x\n");
    const { exit, out } = lint(allow, room.file("deny", "ALL: ALL\n"), "--json");
    expect(exit).toBe(1);
    expect(readJsonLines("finding", out)).toEqual([
      {
        file: allow,
        line: 1,
        column: 7,
        severity: "error",
        code: "host-bits-set",
        message: "bits beyond the mask are set, so this matches no client, not even that host",
        suggestion: "write 10.0.0.0/24 for the net, or 10.0.0.5 for the one host",
      },
      expect.objectContaining({ line: 1, column: 19, code: "empty-net-length" }),
    ]);
  });

  test("says once, with a count and examples, what is found many times, and all of it with --json", () => {
    using room = makeRoom();
    const allow = room.file("allow", "");
    const rules = Array.from({ length: 10_001 }, (_, at) => `sshd: 10.0.${at >> 8}.${at & 255}\n`);
    const deny = room.file("deny", `ALL: ALL\n${rules.join("")}`);
    const { exit, out } = lint(allow, deny);
    expect(exit).toBe(0);
    const others = Array.from({ length: 20 }, (_, at) => at + 5).join(", ");
    expect(out).toStartWith(
      `${deny}: 10001 findings of [unreachable-rule]: 3 examples follow; ` +
        `also at lines ${others} and 9978 more (--json prints each)\n\n` +
        `${deny}:2:1: warning: this rule never decides: all of it is matched first, with the same ` +
        `verdict, by line 1 [unreachable-rule]\n`,
    );
    expect(out.split("\n").length).toBeLessThan(20);
    expect(out).toEndWith(
      `10001 warnings in ${allow} (0 rules) and ${deny} (10002 rules)\n`,
    );
    const lines = lint(allow, deny, "--json").out.split("\n").slice(0, -1);
    expect(lines.map((line) => JSON.parse(line).line)).toEqual(rules.map((_, at) => at + 2));
  });

  test("a NUL byte has its file and line as JSON, too, for a client and without one", () => {
    using room = makeRoom();
    const allow = room.file("allow", "# tables\n");
    const deny = room.file("deny", "sshd: ALL\nnrpe: ALL\0\n");
    const found = lint(allow, deny, "--json").out;
    expect(JSON.parse(found)).toMatchObject({ file: deny, line: 2, column: 10, code: "nul-byte" });
    const { exit, out } = lint(allow, deny, "--json", "192.0.2.1");
    expect(exit).toBe(1);
    expect(readJsonLines("check-access", out)).toMatchObject([
      { access: "denied", file: deny, line: 2, rule: null },
    ]);
    expect(lint(allow, deny, "192.0.2.1").out).toContain(`DENIED  ${deny} line 2 cannot be read`);
  });

  test("ends with 0 where there is no error", () => {
    using room = makeRoom();
    const none = join(room.path, "none");
    const clean = room.file("clean", "nrpe: 10.0.0.1\n");
    const deny = room.file("deny", "nrpe: ALL\n");
    expect(lint(clean, deny)).toEqual({
      exit: 0,
      out: `No findings in ${clean} (1 rule) and ${deny} (1 rule)\n`,
      err: "",
    });
    expect(lint(clean, deny, "--json")).toEqual({ exit: 0, out: "", err: "" });
    const missing = lint(none, deny);
    expect(missing.exit).toBe(0);
    expect(missing.out).toStartWith(`${none}: warning: no such file`);
  });

  test("reports who else may write a table", () => {
    using room = makeRoom();
    const allow = room.file("allow", "nrpe: 10.0.0.1\n", 0o666);
    const { exit, out } = lint(allow, room.file("deny", "nrpe: ALL\n"));
    expect(exit).toBe(1);
    expect(out).toStartWith(`${allow}: error: every user of this host may write this file`);
    expect(out).toContain(`       = chmod o-w ${allow}\n`);
  });

  test("says what a directory and a path that leads nowhere come to", () => {
    using room = makeRoom();
    const directory = join(room.path, "directory");
    mkdirSync(directory);
    const nowhere = join(room.file("plain", ""), "deny");
    const { exit, out } = lint(directory, nowhere);
    expect(exit).toBe(1);
    expect(out).toContain(`${directory}: error: this is a directory`);
    expect(out).toContain(`${nowhere}: error: cannot open: Not a directory; every client`);
  });

  test("keeps odd bytes from the terminal", () => {
    using room = makeRoom();
    const allow = room.file("allow", Buffer.from("nrpe: \x1b[31m\xff\n", "latin1"));
    const { out } = lint(allow, room.file("deny", "nrpe: ALL\n"));
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
    expect(out).toContain("     1 | nrpe: ?[31m?\n");
  });

  test("takes time in proportion to the tables, whatever they hold", () => {
    using room = makeRoom();
    const deny = room.file("deny", "nrpe: ALL\n");
    const repeat = (line: (at: number) => string) =>
      Array.from({ length: 100_000 }, (_, at) => line(at)).join("");
    const tables: Readonly<Record<string, [text: string, exit: number]>> = {
      rules: [repeat((at) => `nrpe: 10.${at >> 16}.${(at >> 8) & 255}.${at & 255}\n`), 0],
      bad: [repeat((at) => `nrpe: 10.${at >> 8 & 255}.${at & 255}.5/24\n`), 1],
      behind: [`ALL: ALL\n${repeat((at) => `d${at}: h${at}.example EXCEPT 10.\n`)}`, 0],
      endless: ["x".repeat(20 << 20), 1],
      blank: ["\n".repeat(5 << 20), 0],
      joined: ["\\\n".repeat(5 << 20), 0],
      binary: [
        Buffer.from(Uint8Array.from({ length: 1 << 20 }, (_, at) => at * at * 7 >> 5)).toString(
          "latin1",
        ),
        1,
      ],
    };
    for (const [name, [text, exit]] of Object.entries(tables)) {
      const result = lint(room.file(name, Buffer.from(text, "latin1")), deny);
      expect([name, result.exit, result.err]).toEqual([name, exit, ""]);
      expect(result.out.length).toBeLessThan(200_000);
    }
    const words = room.file("words", "10.1.2.3 ".repeat(500_000));
    expect(lint(room.file("names", `nrpe: ${words}\n`), deny).exit).toBe(0);
  }, 1_200_000);
});

describe("lintMode()", () => {
  const agent = { name: "nagios", uid: 7, gids: [7, 8] };
  test.each([
    [0o644, 0, []],
    [0o664, 0, []],
    [0o664, 5, ["warning writable-by-group"]],
    [0o646, 0, ["error writable-by-others"]],
    [0o640, 8, []],
    [0o640, 9, ["error unreadable-for-agent"]],
    [0o600, 8, ["error unreadable-for-agent"]],
  ])("of %o, group %i", (mode, gid, expected) => {
    const found = lintMode("f", "deny", { uid: 0, gid, mode }, agent);
    expect(found.map(({ severity, code }) => `${severity} ${code}`)).toEqual(expected);
  });

  test("only hints where the agent's user is not known", () => {
    const found = lintMode("f", "allow", { uid: 0, gid: 0, mode: 0o600 }, undefined);
    expect(found.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      "hint not-readable-by-all",
    ]);
  });
});

describe("of the names of daemons,", () => {
  test("inetdDaemons() takes the program's name from its arguments", () => {
    const text = "# x\nnrpe stream tcp nowait nagios:nagios /usr/sbin/tcpd /usr/sbin/nrpe -i\n" +
      "echo stream tcp nowait root internal\n127.0.0.1:5667 stream tcp nowait n.g /opt/nrpe dmz -i\n" +
      "ssh stream tcp nowait root /opt/nrpe nrpe --wrap /usr/sbin/sshd -i\n";
    expect(inetdDaemons(text)).toEqual([
      { name: "nrpe", user: "nagios" },
      { name: "nrpe" },
      { name: "echo", user: "root" },
      { name: "echo" },
      { name: "dmz", user: "n" },
      { name: "5667" },
      { name: "sshd", user: "root" },
      { name: "ssh" },
    ]);
  });

  test("xinetdDaemons() takes it from the server, or the arguments with NAMEINARGS", () => {
    const text = "service nrpe\n{\n user = nagios\n server = /usr/sbin/nrpe-one\n}\n" +
      "service x\n{\n flags = REUSE NAMEINARGS\n server = /usr/sbin/tcpd\n server_args = /o/y -i\n}\n";
    expect(xinetdDaemons(text)).toEqual([
      { name: "nrpe" },
      { name: "nrpe-one", user: "nagios" },
      { name: "x" },
      { name: "y" },
    ]);
  });

  test("serviceDaemons() takes it from ExecStart", () => {
    const text =
      "[Service]\nUser=nagios\nExecStart=-/usr/sbin/sshd -D\nExecStart=@/usr/bin/a b -i\n" +
      "ExecStart=-/usr/bin/nrpe --wrap /usr/sbin/in.x -i\n";
    expect(serviceDaemons(text)).toEqual([
      { name: "sshd", user: "nagios" },
      { name: "b", user: "nagios" },
      { name: "in.x", user: "nagios" },
    ]);
  });

  test("servicesNames() takes names and aliases", () => {
    const names = servicesNames("# x\nsmtp 25/tcp mail # y\n").map(({ name }) => name);
    expect(names).toEqual(["smtp", "mail"]);
  });
});
