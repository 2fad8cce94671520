import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY } from "../support/room.ts";
import { readJsonLines } from "../support/schema.ts";

let directory: string;
beforeAll(() => directory = mkdtempSync(join(tmpdir(), "nrpe-access-")));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function run(...args: readonly string[]): { exit: number; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([BINARY, "--check-access", ...args]);
  return { exit: exitCode, out: stdout.toString(), err: stderr.toString() };
}

function check(allow: string, deny: string, ...args: readonly string[]) {
  return run("--hosts-allow", allow, "--hosts-deny", deny, ...args);
}

/** The lines of `--json`, one for each address of the client. */
function readAnswers(text: string) {
  return readJsonLines("check-access", text) as [Record<string, unknown>];
}

describe("--check-access", () => {
  test("shows on one screen why a client is refused", () => {
    const allow = file("allow", "sshd: ALL\nnrpe: 192.0.2.1, .mon.example\nnrpe: 10.0.0.5/24\n");
    const deny = file("deny", "ALL: ALL\n");
    const { exit, out, err } = check(allow, deny, "10.0.0.7");
    expect(out).toBe(
      `daemon   nrpe
client   address 10.0.0.7, name unknown

${allow}
    2  nrpe: 192.0.2.1, .mon.example
         192.0.2.1     no   the client's address is 10.0.0.7
         .mon.example  no   the client has no known name
    3  nrpe: 10.0.0.5/24
         10.0.0.5/24  no   bits beyond the mask are set, so it can match nothing: ` +
        `10.0.0.0/24 would be the net that 10.0.0.7 is in
       1 rule is for other daemons

${deny}
    1=>ALL: ALL
         ALL  yes  every client

DENIED  by ${deny} line 1
         ALL: ALL
         log      warning: refused connect from 10.0.0.7 (10.0.0.7)

Some rules need the client's name, which is not looked up for an address. --lookup does so,
as for a connection.
`,
    );
    expect([exit, err]).toEqual([1, ""]);
  });

  test("sums up long runs of lines in a long table", () => {
    let text = "";
    for (let at = 0; at < 10_000; at++) text += `nrpe: 10.${at >> 8}.${at & 255}.1\n`;
    const allow = file("long", `${text}nrpe: 192.0.2.7: severity notice: spawn x %a\n`);
    const { exit, out } = check(allow, join(directory, "none"), "192.0.2.7");
    expect(exit).toBe(0);
    expect(out.split("\n").length).toBeLessThan(24);
    expect(out).toContain("    2  to 10000: 9999 lines, none of which can match\n");
    expect(out).toContain("GRANTED  by");
    expect(out).toContain("         spawn    x 192.0.2.7\n");
    expect(out).toContain("         log      notice: connect from 192.0.2.7 (192.0.2.7)\n");
  });

  test("prints JSON lines", () => {
    const allow = file("json", "nrpe: KNOWN@10.0.0.7: spawn %u@%a: twist x\n");
    const missing = join(directory, "missing");
    const { exit, out } = check(allow, missing, "--json", "/usr/sbin/nrpe", "eve@10.0.0.7");
    expect(exit).toBe(0);
    const [{ trace, ...answer }] = readAnswers(out);
    expect(answer).toEqual({
      daemon: "nrpe",
      server: null,
      client: { address: "10.0.0.7", name: "unknown", user: "eve" },
      access: "delegated",
      file: allow,
      line: 1,
      rule: "nrpe: KNOWN@10.0.0.7: spawn %u@%a: twist x",
      effects: [{ option: "spawn", value: "eve@10.0.0.7" }, { option: "twist", value: "x" }],
      warnings: [{ file: missing, line: null, message: "no such file: it counts as empty" }],
    });
    expect(trace).toMatchObject([{ line: 1, matches: true, clients: [{ matched: true }] }]);
  });

  test("prints JSON that is UTF-8, whatever the tables hold", () => {
    const allow = file("bytes", Buffer.from("nrpe: 10.0.0.7 \xff\x1b\xc3\xa4\n", "latin1"));
    const { out } = check(allow, join(directory, "none"), "--json", "10.0.0.7");
    expect(out).not.toContain("\ufffd");
    expect(readAnswers(out)[0].rule).toBe("nrpe: 10.0.0.7 \xff\x1b\xc3\xa4");
    const text = check(allow, join(directory, "none"), "10.0.0.7").out;
    expect(text).toContain("nrpe: 10.0.0.7 ????\n");
  });

  test.each(["-h", "--help"])("explains itself with %s", (option) => {
    const { exit, out, err } = run(option);
    expect([exit, err]).toEqual([0, ""]);
    expect(out).toStartWith("Usage: nrpe --check-access ");
    for (
      const word of ["--config=FILE", "--hosts-allow=FILE", "--lookup", "--json", "Exit status"]
    ) {
      expect(out).toContain(word);
    }
  });

  test("takes the configuration in every form", () => {
    const config = file("forms.cfg", "allowed_hosts=10.0.0.7\n");
    const forms = [["-c", config], [`-c${config}`], ["--config", config], [`--config=${config}`]];
    const answers = forms.map((form) => run(...form, "10.0.0.7").out);
    expect(answers[0]).toContain(`allowed_hosts (${config} line 1) lists 10.0.0.7\n`);
    expect(new Set(answers).size).toBe(1);
  });

  test("says that allowed_hosts does not count under inetd", () => {
    const config = file("nrpe.cfg", "debug=0\n allowed_hosts=10.0.0.7 10.0.0.8\n");
    const message =
      "allowed_hosts does not count under inetd (-i): the access tables alone decide there";
    for (const client of ["10.0.0.7", "10.0.0.9"]) {
      expect(run("-c", config, client).out).toContain(`       warning: ${message}\n`);
      const [{ warnings }] = readAnswers(run("-c", config, "--json", client).out);
      expect(warnings).toContainEqual({ file: config, line: 2, message });
    }
    const text = run("-c", config);
    expect(text.exit).toBe(0);
    expect(text.out).toContain(
      `${config}:2:2: warning: ${message} [allowed-hosts-inetd]\n` +
        "     2 |  allowed_hosts=10.0.0.7 10.0.0.8\n" +
        `       |  ${"^".repeat(31)}\n` +
        "       = say in hosts.allow and hosts.deny who may talk, which counts in every mode\n",
    );
    expect(text.out).toContain(`warnings in ${config}, /etc/hosts.allow (`);
    const findings = readJsonLines("finding", run("-c", config, "--json").out);
    expect(findings).toContainEqual({
      file: config,
      line: 2,
      column: 2,
      severity: "warning",
      code: "allowed-hosts-inetd",
      message,
      suggestion: "say in hosts.allow and hosts.deny who may talk, which counts in every mode",
    });
    expect(findings).toContainEqual(expect.objectContaining({ code: "nrpe-cfg", line: 2 }));
    const alone = file("alone.cfg", "allowed_hosts=10.0.0.7\ntcp_wrappers=0\n");
    expect(run("-c", alone).out).toContain("under inetd (-i): every client is served there [");
    expect(run("-c", file("none.cfg", "debug=0\n")).out).not.toContain("inetd");
  });

  test.each([
    ["three words", ["a", "b", "c"], "3 words where one or two are expected"],
    ["an unknown option", ["--jsn", "x"], "unrecognized option '--jsn'"],
    [
      "an option without its file",
      ["10.0.0.1", "--hosts-allow"],
      "option '--hosts-allow' requires",
    ],
    ["an empty name", [""], '"": host not found'],
    ["a server of two users", ["nrpe@[::1]", "10.0.0.1"], "[::1]: host not found"],
  ])("refuses %s", (_, args, message) => {
    const { exit, out, err } = run(...args);
    expect([exit, out]).toEqual([2, ""]);
    expect(err).toStartWith(`nrpe: ${message}`);
  });

  test("admits no client by a hosts.deny that cannot be read, and says so", () => {
    const blocked = join(file("plain", ""), "deny");
    const { exit, out } = check(join(directory, "none"), blocked, "10.0.0.7");
    expect(exit).toBe(1);
    expect(out).toContain(`warning: cannot open: Not a directory\n`);
    expect(out).toContain(
      `DENIED  ${blocked} cannot be read, so every client that reaches it is denied\n`,
    );
    expect(check(blocked, join(directory, "none"), "10.0.0.7").exit).toBe(0);
  });

  test("takes a directory for an empty table", () => {
    mkdirSync(join(directory, "dir"));
    const { exit, out } = check(join(directory, "dir"), join(directory, "dir"), "10.0.0.7");
    expect(exit).toBe(0);
    expect(out).toContain("(a directory: it counts as empty)");
  });

  test("grants nothing because of binary tables", () => {
    const bytes = new Uint8Array(1 << 20);
    for (let at = 0, state = 1; at < bytes.length; at++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      bytes[at] = state >>> 16;
    }
    const binary = file("binary", bytes);
    const closed = file("closed", "ALL: ALL\n");
    expect(check(binary, closed, "10.0.0.7").exit).toBe(1);
    expect(check(join(directory, "none"), binary, "10.0.0.7").exit).toBe(1);
    expect(check("/dev/null", "/dev/null", "10.0.0.7").exit).toBe(0);
  });

  test("reads tables of 50 MB in bounded time", () => {
    const closed = file("closed", "ALL: ALL\n");
    const shapes = {
      plain: "nrpe: 10.1.2.3\n",
      nameless: "no colon at all\n",
      candidates: "nrpe: *.example [::1]/64\n",
      comments: `#${"x".repeat(1500)}\n`,
    };
    for (const line of Object.values(shapes)) {
      const big = file("big", line.repeat(Math.ceil((50 << 20) / line.length)));
      expect(check(big, closed, "10.0.0.7").exit).toBe(1);
    }
    const endless = file("big", "x".repeat(50 << 20));
    expect(check(endless, closed, "10.0.0.7").exit).toBe(1);
    expect(check(closed, endless, "192.0.2.1").exit).toBe(0);
    const words = file("words", "10.1.2.3 ".repeat((50 << 20) / 9));
    expect(check(file("names", `nrpe: ${words}\n`), closed, "10.0.0.7").exit).toBe(1);
  }, 1_200_000);
});

describe("--check-access --command", () => {
  const config = (more: string) =>
    file(
      "command.cfg",
      "hosts_allow_file=/nonexistent\nhosts_deny_file=/nonexistent\n" +
        "command[near]=/bin/true\ncommand[open]=/bin/true\ncommand[both]=/bin/true\n" +
        "command_allowed_hosts[near]=10.0.0.0/8, localhost\n" +
        "command_allowed_hosts[both]=10.0.0.7\ncommand_allowed_subjects[both]=CN=mon*\n" +
        more,
    );
  const ask = (command: string, client: string, ...more: readonly string[]) => {
    const path = config("");
    return { path, ...run("-c", path, "--command", command, ...more, client) };
  };

  test.each(
    [
      [
        "near",
        "10.1.2.3",
        [],
        0,
        "command[near] (PATH line 3) may be asked for: the client is in its lists",
      ],
      [
        "near",
        "127.0.0.1",
        [],
        0,
        "command[near] (PATH line 3) may be asked for: the client is in its lists",
      ],
      [
        "open",
        "192.0.2.1",
        [],
        0,
        "command[open] (PATH line 4) may be asked for: it has no list of its own",
      ],
      [
        "near",
        "192.0.2.1",
        [],
        1,
        "command[near] (PATH line 3) may not be asked for: the client is told that it is not defined\n" +
        "           command_allowed_hosts (PATH line 6): its address 192.0.2.1 is not in it",
      ],
      [
        "both",
        "10.0.0.7",
        [],
        1,
        "           command_allowed_subjects (PATH line 8): it has shown no certificate that a CA has verified",
      ],
      [
        "both",
        "10.0.0.7",
        ["--subject", 'CN="other, name"'],
        1,
        '           command_allowed_subjects (PATH line 8): no name of its certificate is in it: CN="other, name"',
      ],
      [
        "both",
        "10.0.0.7",
        ["--subject=CN=mon1"],
        0,
        "command[both] (PATH line 5) may be asked for",
      ],
    ] as const,
  )("explains %s for %s with %p", (command, client, more, exit, text) => {
    const { path, ...given } = ask(command, client, ...more);
    expect(given.out).toContain(text.replaceAll("PATH", path));
    expect([given.exit, given.err]).toEqual([exit, ""]);
  });

  test("asks the tables first, and denies where they do", () => {
    const path = config("");
    const deny = file("deny-all", "ALL: ALL\n");
    const { exit, out } = run("-c", path, "--hosts-deny", deny, "--command", "open", "10.0.0.7");
    expect(exit).toBe(1);
    expect(out.indexOf("DENIED")).toBeLessThan(out.indexOf("command[open]"));
  });

  test("prints JSON", () => {
    const { path, exit, out } = ask("both", "10.0.0.8", "--json", "--subject", "DNS:a.example");
    expect(exit).toBe(1);
    expect(JSON.parse(out).agent.command).toEqual({
      name: "both",
      file: path,
      line: 5,
      allowed: false,
      refusals: [
        {
          directive: "command_allowed_hosts",
          file: path,
          line: 7,
          why: "its address 10.0.0.8 is not in it",
        },
        {
          directive: "command_allowed_subjects",
          file: path,
          line: 8,
          why: "no name of its certificate is in it: DNS:a.example",
        },
      ],
    });
  });

  test.each(
    [
      [["--subject", "CN=mon1"], 0, "lists the certificate CN=mon1"],
      [["--subject", "CN=x"], 1, "does not list the certificate CN=x: it is refused"],
      [["--command", "open"], 1, "does not list a client without a certificate: it is refused"],
      [[], 0, "no allowed_hosts"],
    ] as const,
  )("applies ssl_allowed_subjects with %p", (more, exit, text) => {
    const path = config("ssl_client_certs=2\nssl_allowed_subjects=CN=mon*\n");
    const given = run("-c", path, ...more, "10.0.0.7");
    expect(given.out).toContain(text);
    expect(given.exit).toBe(exit);
  });

  test.each(
    [
      [
        ["--command", "opne", "10.0.0.7"],
        "command[opne] is not defined in PATH (did you mean open?)",
      ],
      [["--subject", "x", "10.0.0.7"], '--subject: "x" does not begin with'],
      [["--subject", "CN=*", "10.0.0.7"], "--subject: a certificate's name is given without *"],
      [["--command", "open"], "--command needs a client"],
      [["--command"], "option '--command' requires an argument"],
    ] as const,
  )("cannot answer %p", (args, problem) => {
    const path = config("");
    const { exit, out, err } = run("-c", path, ...args);
    expect(err).toStartWith(`nrpe: ${problem.replace("PATH", path)}`);
    expect([exit, out]).toEqual([2, ""]);
  });

  test("needs an nrpe.cfg", () => {
    const { exit, err } = run("--command", "open", "10.0.0.7");
    expect(err).toStartWith("nrpe: --command needs an nrpe.cfg: -c FILE");
    expect(exit).toBe(2);
  });
});
