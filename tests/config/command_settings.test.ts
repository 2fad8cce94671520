import { describe, expect, test } from "bun:test";
import type { ConfigResult } from "../../lib/config/config.ts";
import { loadConfig } from "../../lib/config/load_config.ts";

function load(text: string, included = ""): ConfigResult {
  return loadConfig("/n.cfg", {
    read: (path) => ({ kind: "content", content: path === "/n.cfg" ? text : included }),
    list: () => ({ kind: "missing", reason: "No such file or directory" }),
    identify: (path) => path,
  });
}

const at = (line: number) => ` in config file '/n.cfg' - Line ${line}`;
const X = "command[x]=/bin/x\n";

describe("directives about one command", () => {
  test.each([
    [`${X}command_argument_mode[x]=argv`, "x", "argv", 2],
    [`command_argument_mode[x]=argv\n${X}`, "x", "argv", 1],
    [`${X}command_argument_mode[x]=argv\ncommand_argument_mode[x]=shell`, "x", "shell", 3],
    [`${X}\tcommand_argument_mode[x]= ARGV \r`, "x", "argv", 2],
    ["command[a b\xe4]=/a\ncommand_argument_mode[a b\xe4]=argv", "a b\xe4", "argv", 2],
    ["command[__proto__]=/a\ncommand_argument_mode[__proto__]=argv", "__proto__", "argv", 2],
  ])("are read from %j", (text, name, mode, line) => {
    const result = load(text);
    if (result.kind !== "config") throw new Error(JSON.stringify(result.findings));
    expect(result.findings).toEqual([]);
    const settings = result.config.commandSettings.get(name);
    expect(settings?.command_argument_mode).toBe(mode as never);
    expect(settings?.positions.get("command_argument_mode")).toEqual({ file: "/n.cfg", line });
    expect(result.config.commandSettings.size).toBe(1);
  });

  test("count wherever they stand, the last one of all files", () => {
    const text = `${X}command_argument_mode[x]=argv\ninclude=/i\n`;
    const result = load(text, "command_argument_mode[x]=shell\n");
    if (result.kind !== "config") throw new Error(JSON.stringify(result.findings));
    const settings = result.config.commandSettings.get("x");
    expect(settings?.command_argument_mode).toBe("shell");
    expect(settings?.positions.get("command_argument_mode")).toEqual({ file: "/i", line: 1 });
  });

  const warnings: readonly [text: string, code: string, message: string][] = [
    [
      `${X}command_argument_mode[y]=argv`,
      "undefined-command",
      `Doubtful command_argument_mode[y]${at(2)}: command[y] is not defined`,
    ],
    [
      "command[check_disk]=/a\ncommand_argument_mode[chek_disk]=argv",
      "undefined-command",
      `Doubtful command_argument_mode[chek_disk]${at(2)}: ` +
      "command[chek_disk] is not defined (did you mean check_disk?)",
    ],
    [
      `${X}command_argument_mode[x] = argv`,
      "misread-name",
      `Doubtful command_argument_mode[x]${at(2)}: there is a blank before the =`,
    ],
    // As before there were such directives.
    ["comand[x]=/bin/x", "unknown-directive", `Unknown option specified${at(1)}: comand[x]`],
    [
      "command_timout=5",
      "unknown-directive",
      `Unknown option specified${at(1)}: command_timout (did you mean command_timeout?)`,
    ],
  ];

  test.each(warnings)("are warned of in %j", (text, code, message) => {
    const result = load(text);
    expect(result.kind).toBe("config");
    expect(result.findings.map((one) => [one.severity, one.code, one.message])).toEqual([
      ["warning", code, message] as never,
    ]);
  });

  const written = "it is written command_argument_mode[command], without blanks beside the " +
    "brackets or others within them";

  test.each([
    ["command_argument_mode", written],
    ["command_argument_mode[]", written],
    ["command_argument_mode[x", written],
    ["command_argument_modex]", written],
    ["command_argument_mode[x]]", written],
    ["command_argument_mode[[x]", written],
    ["command_argument_mode[x]y", written],
    ["command_argument_mode [x]", written],
    ["command_argument_mode[ x]", written],
    ["command_argument_mode[x ]", written],
    ["command_argument_mode[\t]", written],
    ["command_argument_mode(x)", written],
    ["command_argument_modes[x]", written],
    ["x[command_argument_mode]", written],
    [
      "command_argumnet_mode[x]",
      "there is no such directive (did you mean command_argument_mode[command]?)",
    ],
    [
      "COMMAND_ARGUMENT_MODE[x]",
      "there is no such directive (did you mean command_argument_mode[command]?)",
    ],
    ["command_foo[x]", "there is no such directive about one command"],
    ["command_timeout[x]", "command_timeout is for all commands and has no brackets"],
    ["dont_blame_nrpe [x]", "dont_blame_nrpe is for all commands and has no brackets"],
  ])("named %j are an error", (left, reason) => {
    const result = load(`${X}${left}=argv\n`);
    expect(result.kind).toBe("failure");
    const message = `Invalid command directive specified${at(2)}: '${left}', but ${reason}`;
    expect(result.findings).toEqual([
      {
        severity: "error",
        code: "invalid-command-directive",
        position: { file: "/n.cfg", line: 2 },
        message,
      },
    ]);
  });

  test("with a value that they cannot have are an error", () => {
    const result = load(`${X}command_argument_mode[x]=none\n`);
    expect(result.kind).toBe("failure");
    expect(result.findings.map(({ code, message }) => [code, message])).toEqual([[
      "invalid-value",
      `Invalid command_argument_mode[x] specified${at(2)}: 'none', but it must be one of ` +
      "shell, argv",
    ]]);
  });

  test("that name a long command do not fill the log", () => {
    const result = load(`${X}command_argument_mode[${"y".repeat(60_000)}]=argv\n`);
    expect(result.findings[0]!.message.length).toBeLessThan(700);
  });
});

describe("argument_mode=argv", () => {
  const errors: readonly [text: string, line: number, code: string, message: string][] = [
    [
      `argument_mode=argv\n${X}command[y]=/y | /z\n`,
      3,
      "shell-needed",
      `Invalid command[y] specified${at(3)}: argument_mode=argv runs no shell, and | is a pipe`,
    ],
    [
      `${X}command[y]=/y 'a\ncommand_argument_mode[y]=argv\n`,
      2,
      "shell-needed",
      `Invalid command[y] specified${at(2)}: the quote ' is not closed`,
    ],
    [
      `argument_mode=argv\n${X}command[y]=/y\ncommand_prefix=/p $HOME`,
      4,
      "shell-needed",
      `Invalid command_prefix specified${at(4)}: argument_mode=argv runs no shell, and ` +
      "$ is a variable",
    ],
    [
      `command_prefix=/p\ncommand[y]=$ARG1$ a\ncommand_argument_mode[y]=argv\n`,
      2,
      "shell-needed",
      `Invalid command[y] specified${at(2)}: a client would choose the program by $ARG1$`,
    ],
    [
      `${X}command_nasty_metachars[x]=none\n`,
      2,
      "invalid-command-directive",
      `Invalid command_nasty_metachars[x] specified${at(2)}: it needs ` +
      "command_argument_mode[x]=argv, since a shell would act upon such characters",
    ],
    [
      `argument_mode=argv\n${X}command_argument_mode[x]=shell\ncommand_nasty_metachars[x]=;\n`,
      4,
      "invalid-command-directive",
      `Invalid command_nasty_metachars[x] specified${at(4)}: it needs ` +
      "command_argument_mode[x]=argv, since a shell would act upon such characters",
    ],
    [
      `argument_mode=none\n`,
      1,
      "invalid-value",
      `Invalid argument_mode specified${at(1)}: 'none', but it must be one of shell, argv`,
    ],
    [
      `argument_mode[x]=argv\n`,
      1,
      "invalid-command-directive",
      `Invalid command directive specified${at(1)}: 'argument_mode[x]', but argument_mode is for ` +
      "all commands and has no brackets; for one it is command_argument_mode[command]",
    ],
  ];

  test.each(errors)("fails on %j", (text, line, code, message) => {
    const result = load(text);
    expect(result.kind).toBe("failure");
    expect(result.findings.map((one) => [one.code, one.position.line, one.message])).toEqual([
      [code, line, message] as never,
    ]);
  });

  test("splits the definitions that count, the prefix before them", () => {
    const result = load(
      "argument_mode=argv\ncommand[a]=/a 'b $ARG1$'\ncommand[s]=/s | /t\ncommand[o]=/o |\n" +
        "command_argument_mode[s]=shell\ninclude=/i\ncommand_prefix=/p 'q r'\n",
      "command[o]=/o\n",
    );
    if (result.kind !== "config") throw new Error(JSON.stringify(result.findings));
    const { commands } = result.config;
    expect(commands.get("a")?.words).toEqual([["/p"], ["q r"], ["/a"], ["b ", 1]]);
    expect(commands.get("o")?.words).toEqual([["/p"], ["q r"], ["/o"]]);
    expect(commands.get("s")).not.toHaveProperty("words");
  });

  test.each([
    ["none", ""],
    [";|", ";|"],
    ["\\n\\t", "\n\t"],
  ])("reads command_nasty_metachars=%s", (value, characters) => {
    const result = load(
      `${X}command_argument_mode[x]=argv\ncommand_nasty_metachars[x]=${value}\n`,
    );
    if (result.kind !== "config") throw new Error(JSON.stringify(result.findings));
    const settings = result.config.commandSettings.get("x");
    expect(settings?.command_nasty_metachars).toBe(characters);
  });
});
