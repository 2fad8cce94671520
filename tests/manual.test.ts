/** Options and directives, and what the help texts, the manual pages and docs/ say of them. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LETTERS, PROGRAMS, TOOL_OPTIONS } from "../lib/cli.ts";
import { CHECK_OPTIONS } from "../lib/client/check_nrpe_cli.ts";
import { PROBE_OPTIONS } from "../lib/client/probe_cli.ts";
import { loadConfig } from "../lib/config/load_config.ts";
import { COMMAND_DIRECTIVES, type DirectiveName, DIRECTIVES } from "../lib/config/settings.ts";
import { ACCESS_OPTIONS } from "../lib/diagnose/check_access_cli.ts";
import { CONFIG_OPTIONS } from "../lib/diagnose/config/check_config_cli.ts";
import { IGNORED } from "../lib/diagnose/config/lines.ts";
import { DOCTOR_OPTIONS } from "../lib/diagnose/doctor/doctor_cli.ts";
import { RUN_OPTIONS } from "../lib/diagnose/run/run_cli.ts";
import { CHECK_LETTERS } from "../lib/diagnose/tcpdchk.ts";
import { MATCH_LETTERS } from "../lib/diagnose/tcpdmatch.ts";
import type { OptionSpec } from "../lib/options.ts";
import { OPTIONS } from "../lib/wrappers/option.ts";
import { madeFiles } from "../tools/docs.ts";
import { PROGRAM_OPTIONS } from "../tools/program_options.ts";
import { manualEntries, optionWords } from "./support/mdoc.ts";
import { ROOT } from "./support/room.ts";

const textOf = (path: string) => readFileSync(join(ROOT, path), "utf8");

test("what is made from the code is up to date: deno task docs", () => {
  for (const [path, text] of madeFiles()) {
    expect(`${path}\n${textOf(path)}`).toBe(`${path}\n${text}`);
  }
});

const AGENT_WORDS = Object.entries(LETTERS).flatMap((
  [letter, name],
) => [`-${letter}`, `--${name}`]);

function specWords(specs: readonly OptionSpec<string>[]): readonly string[] {
  return specs.flatMap(({ letter, name }) => letter ? [`-${letter}`, `--${name}`] : [`--${name}`]);
}

/** The options that a parser knows, and, of these, those that need not be named everywhere. */
const PARSED: Readonly<Record<string, { all: readonly string[]; optional?: readonly string[] }>> = {
  "nrpe": { all: [...AGENT_WORDS, ...TOOL_OPTIONS] },
  "--check-access": { all: specWords(ACCESS_OPTIONS) },
  // The agent's options may stand there as well.
  "--check-config": { all: CONFIG_OPTIONS, optional: AGENT_WORDS },
  "--doctor": { all: specWords(DOCTOR_OPTIONS) },
  "--probe": { all: specWords(PROBE_OPTIONS) },
  "--run": { all: RUN_OPTIONS, optional: AGENT_WORDS },
  "--wrap": { all: [] },
  "check_nrpe": { all: specWords(CHECK_OPTIONS) },
  "tcpdmatch": { all: [...MATCH_LETTERS, "i"].map((letter) => `-${letter}`) },
  "tcpdchk": { all: [...CHECK_LETTERS, "i"].map((letter) => `-${letter}`) },
};

/** Where the options of each program are in the manual. */
const IN_MANUAL: Readonly<Record<string, readonly [page: string, section: string]>> = {
  "nrpe": ["nrpe.8", "DESCRIPTION"],
  "--check-access": ["nrpe.8", "Access diagnosis"],
  "--check-config": ["nrpe.8", "Configuration diagnosis"],
  "--doctor": ["nrpe.8", "Host diagnosis"],
  "--probe": ["nrpe.8", "Probe"],
  "--run": ["nrpe.8", "One command"],
  "--wrap": ["nrpe.8", "Other services behind the access tables"],
  "check_nrpe": ["check_nrpe.8", "DESCRIPTION"],
  "tcpdmatch": ["nrpe.8", "tcpdmatch"],
  "tcpdchk": ["nrpe.8", "tcpdchk"],
};

/** Expects that all options are named that must be, and none that is not there. */
function expectNamed(name: string, words: readonly string[]): void {
  const { all, optional = [] } = PARSED[name]!;
  // What starts a tool is named by the agent.
  const wanted = all.filter((word) => word !== name);
  const missing = wanted.filter((word) => !words.includes(word));
  const unknown = words.filter((word) => !wanted.includes(word) && !optional.includes(word));
  expect({ missing, unknown }).toEqual({ missing: [], unknown: [] });
}

describe("the options of", () => {
  test("all programs are compared", () => {
    const programs = PROGRAMS.filter((name) => name !== "tcpd");
    const names = ["nrpe", ...TOOL_OPTIONS, ...programs].sort();
    expect(PROGRAM_OPTIONS.map(({ name }) => name).sort()).toEqual(names);
    expect(Object.keys(PARSED).sort()).toEqual(names);
  });

  test.each(PROGRAM_OPTIONS)("$name are those that its help names", ({ name, options }) => {
    expectNamed(name, options.flatMap(({ words }) => words));
  });

  test.each(Object.keys(IN_MANUAL))("%s are those that the manual names", (name) => {
    const [page, section] = IN_MANUAL[name]!;
    const entries = manualEntries(page).filter((entry) => entry.section === section);
    const named = entries.flatMap(({ heads }) => heads.flatMap(optionWords));
    const synopsis = textOf(`deploy/man/${page}`).split(".Sh ")[2]!;
    const tools = [...synopsis.matchAll(/^\.Fl -([\w-]+)/gm)].map(([, option]) => `--${option}`);
    const started = tools.filter((option) => TOOL_OPTIONS.includes(option));
    expectNamed(name, name === "nrpe" ? [...named, ...new Set(started)] : named);
  });
});

test("no page names an option that is not there", () => {
  const known = (program: string) =>
    Object.entries(PARSED).filter(([name]) =>
      name === program || (program === "nrpe" && name.startsWith("-"))
    ).flatMap(([, { all, optional = [] }]) => [...all, ...optional]);
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  for (const page of ["README.md", "CONTRIBUTING.md", ...pages.map((name) => `docs/${name}`)]) {
    const commands = textOf(page).matchAll(
      /(?<![\w/.-])(?:\/usr\/local\/bin\/|dist\/)?(nrpe|check_nrpe|tcpdmatch|tcpdchk) ([^\n`|;&#]*)/g,
    );
    for (const [command, program, rest] of commands) {
      const words = rest!.split(" -- ", 1)[0]!.match(/(?<=^| )--[a-z][\w-]*/g) ?? [];
      const unknown = words.filter((word) => !known(program!).includes(word));
      expect({ page, command, unknown }).toEqual({ page, command, unknown: [] });
    }
  }
});

/** The directives of nrpe.cfg that are not in the table of settings. */
const STRUCTURE = [
  ...Object.keys(COMMAND_DIRECTIVES).map((name) => `${name}[name]`),
  ...["command[name]", "include", "include_file", "include_dir"],
];

/** A directive's entry in nrpe.cfg(5). */
interface DirectiveEntry {
  readonly name: string;
  readonly text: string;
}

const ENTRIES: readonly DirectiveEntry[] = manualEntries("nrpe.cfg.5").flatMap(({ heads, text }) =>
  heads.flatMap((head) => {
    const [, name, bracket] = /^Ic (\w+)( Ns Bo )?/.exec(head) ?? [];
    return name === undefined ? [] : [{ name: bracket ? `${name}[name]` : name, text }];
  })
);

/** What the loader finds in a file. */
function findingsIn(text: string): readonly string[] {
  const missing = { kind: "missing", reason: "No such file or directory" } as const;
  const files = {
    read: (path: string) =>
      path === "nrpe.cfg" ? { kind: "content", content: text } as const : missing,
    list: () => missing,
    identify: (path: string) => path,
  };
  return loadConfig("nrpe.cfg", files).findings.map(({ code }) => code);
}

const NAMES = Object.keys(DIRECTIVES) as readonly DirectiveName[];

describe("nrpe.cfg(5)", () => {
  test("has every directive once, and none that the agent does not know", () => {
    const names = ENTRIES.map(({ name }) => name);
    expect([...names].sort()).toEqual([...new Set(names)].sort());
    expect([...NAMES, ...STRUCTURE].filter((name) => !names.includes(name))).toEqual([]);
    expect(names.filter((name) => findingsIn(`${name}=1\n`).includes("unknown-directive"))).toEqual(
      [],
    );
  });

  const textFor = (name: DirectiveName) => ENTRIES.find((entry) => entry.name === name)?.text ?? "";

  test.each(NAMES)("says the default of %s", (name) => {
    const { byDefault, read } = DIRECTIVES[name];
    const given = /The default is (.*?)\.(?= [A-Z]|$)/.exec(textFor(name))?.[1];
    if (given === undefined) {
      expect(textFor(name)).toMatch(/\bBy default /);
      const isNothing = byDefault === undefined || (Array.isArray(byDefault) && !byDefault.length);
      // Its characters are listed.
      expect(isNothing || name === "nasty_metachars").toBeTrue();
    } else expect(read(given)).toEqual({ kind: "value", value: byDefault } as never);
  });

  test.each(NAMES)("says in which modes %s counts", (name) => {
    const ignoring = (mode: keyof typeof IGNORED) => IGNORED[mode].includes(name);
    const phrases = {
      "Not under inetd.": ignoring("inetd"),
      "Not with nowait.": ignoring("nowait") && !ignoring("daemon"),
      "Only with wait.": ignoring("nowait") && ignoring("daemon"),
      "Only with TLS.": ignoring("plain"),
      "Without effect.": ignoring("always"),
    };
    const said = Object.keys(phrases).map((phrase) => [phrase, textFor(name).includes(phrase)]);
    expect(Object.fromEntries(said)).toEqual(phrases);
  });
});

/** The directives of the C agent 4.1, which docs/ need not describe. */
const OF_THE_C_AGENT: readonly DirectiveName[] = [
  ...["allowed_hosts", "server_port", "server_address", "address_family"] as const,
  ...["listen_queue_size", "nrpe_user", "nrpe_group", "pid_file", "dont_blame_nrpe"] as const,
  ...["allow_bash_command_substitution", "nasty_metachars", "command_prefix"] as const,
  ...["command_timeout", "connection_timeout", "max_commands", "keep_env_vars", "debug"] as const,
  ...["log_facility", "log_file", "disable_syslog", "ssl_enabled", "ssl_version"] as const,
  ...["ssl_cipher_list", "ssl_cert_file", "ssl_privatekey_file", "ssl_cacert_file"] as const,
  ...["ssl_client_certs", "ssl_use_adh", "ssl_logging", "ssl_shutdown_timeout"] as const,
  "allow_weak_random_seed",
];

test("docs/operation.md has every directive of this agent alone, with its default", () => {
  const section = textOf("docs/operation.md").split("\n## Directives of this agent\n")[1]!;
  const rows = section.split("\n## ")[0]!.matchAll(/^\| ([^|]*`[^|]*) \| ([^|]*) \|/gm);
  const listed = [...rows].flatMap(([, names, defaults]) => {
    const values = defaults!.trim().split(", ");
    return names!.trim().split(", ").map((name, at) =>
      [name.replaceAll("`", ""), values[at] ?? values[0]!] as const
    );
  });
  // A directive about one command has its name in brackets.
  const plain = listed.filter(([name]) => !name.includes("["));
  const own = NAMES.filter((name) => !OF_THE_C_AGENT.includes(name));
  expect(plain.map(([name]) => name).sort() as string[]).toEqual([...own].sort());
  for (const [name, text] of plain) {
    const { byDefault, read } = DIRECTIVES[name as DirectiveName];
    if (text === "none") expect(byDefault === undefined || byDefault === "").toBeTrue();
    else {expect(read(text.replaceAll("`", ""))).toEqual(
        { kind: "value", value: byDefault } as never,
      );}
  }
});

test("the sample nrpe.cfg has directives that the agent knows, also in its comments", () => {
  const lines = textOf("deploy/nrpe.cfg").split("\n").map((line) => line.replace(/^#(?=\w+=)/, ""));
  const findings = findingsIn(lines.join("\n"));
  expect(findings.filter((code) => code !== "include-missing")).toEqual([]);
});

test("nrpe-access(5) has every option of rules, and no other", () => {
  const entries = manualEntries("nrpe-access.5").filter(({ section }) => section === "Options");
  const names = entries.flatMap(({ heads }) => heads.map((head) => /^Ic (\w+)/.exec(head)?.[1]));
  expect(names.sort() as string[]).toEqual(Object.keys(OPTIONS).sort());
});
