import { expect, test } from "bun:test";
import { loadConfig } from "../../lib/config/load_config.ts";
import { loadForOneCommand } from "../../lib/config/load_for_one_command.ts";
import type { ConfigFiles } from "../../lib/config/draft.ts";
import { type Random, seededRandom } from "../support/random.ts";

const CASES = 4_000;

/** Lines of which parse_line.ts reads some otherwise than they look. */
const LINES = [
  "command[a]=/bin/a one",
  "command[a]=/bin/a two = three]",
  "command[b]=/bin/b",
  "command[b]= /bin/b blank before",
  "command[b]=/bin/b blank after ",
  "command[b] =/bin/b blank between",
  "command[a]b]=/bin/odd",
  "command[a=b]=/bin/odd",
  "command[c",
  "command[]=/bin/none",
  "command[c]=",
  "command[c]",
  " command[a]=/bin/a indented",
  "command [a]=/bin/a apart",
  "command[a]=x\r",
  "#command[a]=/bin/no",
  "command[\xe9 \xa0]=/bin/\xa0",
  "debug=0",
  "command_timeout=7",
  "nonsense",
  "",
  "include=/more.cfg",
  "include=/missing.cfg",
  "command[nul]=a\0b",
  "command_argument_mode[a]=argv",
  "command_argument_mode[a]=shell",
  "command_argument_mode[b]=argv",
  "command_argument_mode[x] = shell",
  "command_argument_mode[\xe9 \xa0]=argv",
  "command_argument_mode[a]=neither",
  "command_argument_mode [a]=argv",
  "command_argument_mode[ a]=argv",
  "argument_mode=argv",
  "argument_mode=argv",
  "command[b]=/bin/b 'a $ARG1$' \"\"",
  "command[x]=/bin/x | /bin/y",
  "command_prefix=/bin/p -x",
  "command_prefix=/bin/p $HOME",
  "command_nasty_metachars[a]=none",
] as const;

const NAMES = [
  "a",
  "b",
  "c",
  "a]b",
  "a=b",
  "a]=x\ncommand[b",
  "",
  "nul",
  "\xe9 \xa0",
  "x",
] as const;

/** Faults are few, so that most texts make a configuration. */
function textOf(random: Random, lines: number): string {
  let text = "";
  for (let line = 0; line < lines; line++) {
    const any = random.below(20) === 0;
    text += any ? random.pick(LINES) : random.pick(LINES.slice(0, 3));
    if (line < lines - 1 || random.below(2) === 0) text += "\n";
  }
  return text;
}

test("a configuration for one command is the whole one, as far as it is asked", async () => {
  const seed = Number(process.env.NRPE_CONFIG_SEED ?? 1);
  let configurations = 0;
  for (let number = 0; number < CASES; number++) {
    const random = seededRandom(seed * CASES + number);
    const tree: Readonly<Record<string, string>> = {
      "/n.cfg": textOf(random, random.below(30)),
      "/more.cfg": textOf(random, random.below(6)).replaceAll("include=", "#"),
    };
    const files: ConfigFiles = {
      read(path) {
        const content = tree[path];
        if (content === undefined) return { kind: "missing", reason: "No such file or directory" };
        return { kind: "content", content };
      },
      list: () => ({ kind: "missing", reason: "No such file or directory" }),
      identify: (path) => path,
    };
    const whole = loadConfig("/n.cfg", files);
    const config = await loadForOneCommand("/n.cfg", files);
    const what = `seed ${seed}, case ${number}: ${JSON.stringify(tree)}`;
    expect(config === undefined, what).toBe(whole.kind === "failure");
    if (config === undefined || whole.kind === "failure") continue;
    configurations++;
    const { commands: one, ...settings } = config;
    const { commands: all, ...wholeSettings } = whole.config;
    expect(settings, what).toEqual(wholeSettings);
    for (const name of NAMES) expect(one.get(name), `${name} in ${what}`).toEqual(all.get(name));
  }
  expect(configurations).toBeGreaterThan(CASES / 4);
});

test("a command between directives about others is found, at its own line", async () => {
  const most = 2_000;
  let content = "";
  for (let at = 0; at < most; at++) {
    content += `command[c${at}]=/bin/c${at}\ncommand_argument_mode[c${at}]=shell\n`;
  }
  const files: ConfigFiles = {
    read: () => ({ kind: "content", content }),
    list: () => ({ kind: "missing", reason: "" }),
    identify: (path) => path,
  };
  const config = (await loadForOneCommand("/n.cfg", files))!;
  for (const at of [0, 1, most - 1]) {
    const position = { file: "/n.cfg", line: 2 * at + 1 };
    const name = `c${at}`;
    expect(config.commands.get(name)).toEqual({ name, line: `/bin/c${at}`, position });
    expect(config.commandSettings.get(name)?.command_argument_mode).toBe("shell");
  }
  expect(config.commands.get(`c${most}`)).toBeUndefined();
});

test("a debug log needs all commands", async () => {
  const content = "debug=1\ncommand[a]=/bin/a\n";
  const files: ConfigFiles = {
    read: () => ({ kind: "content", content }),
    list: () => ({ kind: "missing", reason: "" }),
    identify: (path) => path,
  };
  expect(await loadForOneCommand("/n.cfg", files)).toBeUndefined();
});
