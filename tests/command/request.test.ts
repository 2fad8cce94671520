import { describe, expect, test } from "bun:test";
import { expandMacros } from "../../lib/config/macros.ts";
import type { CommandSettings } from "../../lib/config/config.ts";
import { outcomeOf, type PluginEnd } from "../../lib/command/outcome.ts";
import { programOf } from "../../lib/command/program.ts";
import { readRequest } from "../../lib/command/request.ts";
import { encodeBytes } from "../../lib/bytes.ts";

const RULES = {
  commands: new Map([["x", { name: "x", line: "/x $ARG1$", position: { file: "f", line: 1 } }]]),
  commandSettings: new Map<string, CommandSettings>(),
  nasty_metachars: "|;\n",
  dont_blame_nrpe: true,
  allow_bash_command_substitution: false,
  command_prefix: undefined,
};

describe("readRequest()", () => {
  const invalid: readonly [text: string, rules: Partial<typeof RULES>, reason: string][] = [
    ["", {}, "Request contained no query!"],
    ["!!", {}, "Request contained no query!"],
    ["x;", {}, "Request contained illegal metachars!"],
    ["x!a|b", { dont_blame_nrpe: false }, "Request contained illegal metachars!"],
    [
      "x!a",
      { dont_blame_nrpe: false },
      "Request contained command arguments, but argument option is not enabled!",
    ],
    [
      "x!a!$(id)",
      {},
      "Request contained a bash command substitution, but they are disallowed!",
    ],
  ];

  test.each(invalid)("refuses %j", (text, rules, reason) => {
    expect(readRequest(text, { ...RULES, ...rules })).toEqual({ kind: "invalid", reason } as never);
  });

  const read: readonly [text: string, rules: object, request: object][] = [
    ["_NRPE_CHECK", {}, { kind: "version", name: "_NRPE_CHECK" }],
    ["y", {}, { kind: "undefined command", name: "y" }],
    ["$(id)", {}, { kind: "undefined command", name: "$(id)" }],
    ["x", {}, { kind: "command", name: "x", definition: "/x $ARG1$", line: "/x " }],
    ["x!a b!c", {}, { kind: "command", name: "x", definition: "/x $ARG1$", line: "/x a b" }],
    ["!!x!!a!!", {}, { kind: "command", name: "x", definition: "/x $ARG1$", line: "/x a" }],
    [
      "x!$(id)",
      { allow_bash_command_substitution: true },
      { kind: "command", name: "x", definition: "/x $ARG1$", line: "/x $(id)" },
    ],
    ["x!a", { command_prefix: "/p $$" }, {
      kind: "command",
      name: "x",
      definition: "/p $$ /x $ARG1$",
      line: "/p $ /x a",
    }],
    ["x!a;", { nasty_metachars: "" }, {
      kind: "command",
      name: "x",
      definition: "/x $ARG1$",
      line: "/x a;",
    }],
  ];

  test.each(read)("reads %j", (text, rules, request) => {
    expect(readRequest(text, { ...RULES, ...rules })).toEqual(request as never);
  });
});

describe("readRequest() of a command that no shell runs", () => {
  const position = { file: "f", line: 1 };
  const rules = {
    ...RULES,
    commands: new Map([
      ["x", { name: "x", line: "/x '$ARG1$' $ARG2$", position, words: [["/x"], ["", 1], [2]] }],
      ["y", { name: "y", line: "/y '$ARG1$' $ARG2$", position }],
    ]),
    commandSettings: new Map<string, CommandSettings>([
      ["x", { command_nasty_metachars: "%", positions: new Map() }],
    ]),
    command_prefix: "/p",
  };

  test.each<[string, readonly string[]]>([
    ["x", ["/x", ""]],
    ["x!!$(id)!a b", ["/x", "$(id)", "a b"]],
    ["!x!|;\n", ["/x", "|;\n"]],
    ["x!$!(id)", ["/x", "$", "(id)"]],
    ["x!\xff '", ["/x", "\xff '"]],
  ])("makes arguments of %j", (text, line) => {
    expect(readRequest(text, rules)).toEqual({
      kind: "command",
      name: "x",
      definition: "/p /x '$ARG1$' $ARG2$",
      line,
    });
  });

  test.each([
    ["x!%", {}, "Request contained illegal metachars!"],
    ["y!;", {}, "Request contained illegal metachars!"],
    ["z!;", {}, "Request contained illegal metachars!"],
    ["x;", {}, "Request contained illegal metachars!"],
    ["xx!;", {}, "Request contained illegal metachars!"],
    [
      "y!$(id)",
      {},
      "Request contained a bash command substitution, but they are disallowed!",
    ],
    [
      "x!a",
      { dont_blame_nrpe: false },
      "Request contained command arguments, but argument option is not enabled!",
    ],
  ])("refuses %j", (text, more, reason) => {
    expect(readRequest(text, { ...rules, ...more })).toEqual({ kind: "invalid", reason } as never);
  });
});

describe("readRequest() on command substitutions put together from parts", () => {
  const ask = (line: string, text: string) =>
    readRequest(text, {
      ...RULES,
      commands: new Map([["x", { name: "x", line, position: { file: "f", line: 1 } }]]),
    }).kind;

  test.each([
    ["$ARG1$$ARG2$", "x!5$!(id)"],
    ["$$$ARG1$", "x!(id)"],
    ["$ARG1$(id)", "x!$"],
    ["$ARG1$$ARG2$$ARG3$", "x!$!!(id)"],
    ["/bin/echo $$(date) $ARG1$$ARG2$", "x!$!(id)"],
  ])("refuses %j asked with %j", (line, text) => expect(ask(line, text)).toBe("invalid"));

  test.each([
    ["/bin/echo $(date) $ARG1$", "x!a"],
    ["/bin/echo $(date) $ARG1$", "x!$ a ("],
    ["/bin/echo $$(id) $ARG1$", "x!a"],
    ["$ARG1$ $ARG2$", "x!$!(id)"],
  ])("takes %j asked with %j", (line, text) => expect(ask(line, text)).toBe("command"));
});

describe("expandMacros()", () => {
  const sixteen = Array.from({ length: 16 }, (_, at) => `a${at + 1}`);
  const cases: readonly [definition: string, expanded: string][] = [
    ["plain", "plain"],
    ["$ARG1$ $ARG16$", "a1 a16"],
    ["$ARG17$|$ARG0$|$ARG$", "||"],
    ["$ARG01$ $ARG1x$", "a1 a1"],
    ["$$", "$"],
    ["$$$$ARG1$$", "$$ARG1$"],
    ["a$b$c", "a$b$c"],
    ["$HOST$ $arg1$", "$HOST$ $arg1$"],
    ["odd $", "odd $"],
    ["$ARG1$ and $", "a1 and $"],
    ["$ARG1$$ARG2$", "a1a2"],
  ];

  test.each(cases)("expands %j to %j", (definition, expanded) => {
    expect(expandMacros(definition, sixteen)).toBe(expanded);
  });

  test("does not look for macros in arguments", () => {
    expect(expandMacros("<$ARG1$>", ["$ARG2$", "x"])).toBe("<$ARG2$>");
  });
});

describe("programOf()", () => {
  test.each([
    ["/bin/echo a  b\t-c ", ["/bin/echo", "a", "b", "-c"]],
    ["/a/b_c.d -w 5%,10% --x=y:z@i+j", ["/a/b_c.d", "-w", "5%,10%", "--x=y:z@i+j"]],
  ])("starts %j without a shell", (line, argv) => {
    expect(programOf(line)).toEqual({ file: argv[0]!, argv, shell: false });
  });

  test("takes arguments as they are", () => {
    const argv = ["x", "a b", "|"];
    expect(programOf(argv)).toEqual({ file: "x", argv, shell: false });
  });

  const shell = "echo x;./x; x=1 /y;/a $b;/a `b`;/a 'b';/a \"b\";/a \\b;/a *;/a ?;/a [b];/a ~;" +
    "/a #;/a (b);/a <b;/a >b;/a |b;/a &;/a {b};/a !b;/a ^b;/a \x01;/a \xe4";

  test.each(shell.split(";").concat("/a;b", "/a\nb"))("leaves %j to the shell", (line) => {
    expect(programOf(line)).toEqual({
      file: "/bin/sh",
      argv: ["/bin/sh", "-c", line],
      shell: true,
    });
  });
});

describe("outcomeOf()", () => {
  const output = encodeBytes("text\n");
  const cases: readonly [end: PluginEnd, code: number, text: string][] = [
    [{ kind: "exited", status: 0, output }, 0, "text"],
    [{ kind: "exited", status: 2, output }, 2, "text"],
    [{ kind: "exited", status: 4, output }, 3, "text"],
    [{ kind: "exited", status: 255, output }, 3, "text"],
    [{ kind: "killed", signal: 9, output }, 2, "text"],
    [{ kind: "exited", status: 0, output: encodeBytes("") }, 3, "NRPE: Unable to read output"],
    [{ kind: "exited", status: 2, output: encodeBytes("\0x") }, 3, "NRPE: Unable to read output"],
    [{ kind: "exited", status: 0, output: encodeBytes("a\n\n") }, 0, "a\n"],
    [{ kind: "timed out", seconds: 7 }, 3, "NRPE: Command timed out after 7 seconds"],
  ];

  test.each(cases)("answers %j", (end, code, text) => {
    expect(outcomeOf(end)).toEqual({ code, text } as never);
  });
});
