/**
 * The options of every program of the binary, by its help text. What is made of them (completions) and
 * what is compared with them (parsers, manual pages) has one source.
 */
import { TEXTS } from "../lib/help.ts";
import { CHECK_TEXTS } from "../lib/client/check_nrpe_cli.ts";
import { PROBE_HELP } from "../lib/client/probe_cli.ts";
import { ACCESS_HELP } from "../lib/diagnose/check_access_cli.ts";
import { CONFIG_HELP } from "../lib/diagnose/config/check_config_cli.ts";
import { DOCTOR_HELP } from "../lib/diagnose/doctor/doctor_cli.ts";
import { RUN_HELP } from "../lib/diagnose/run/run_cli.ts";

/** An option as a help text has it. */
export interface HelpedOption {
  /** `-c` and `--config`, in this order; several of one kind where a line is about several options. */
  readonly words: readonly string[];
  /** The name of its value, `FILE` say; undefined where it takes none. */
  readonly value: string | undefined;
  /** One line, without a full stop. */
  readonly description: string;
}

/** A program of the binary, by the name or the option that starts it. */
export interface Program {
  readonly name: string;
  readonly options: readonly HelpedOption[];
  /** What other words are. */
  readonly words: "hosts" | "commands" | "programs" | "files" | "none";
}

/** A line about options: their words, perhaps with a value, two blanks, and the description. */
const OPTION_LINE = /^ +((?:-\w|--[\w-]+)(?:, (?:-\w|--[\w-]+))*)(?:=(\S+))?(?: {2,}(\S.*))?$/;
const CONTINUATION = /^ {12,}(\S.*)$/;

const MATCH_OPTIONS: readonly HelpedOption[] = [
  { words: ["-d"], value: undefined, description: "Use the tables of the working directory" },
  { words: ["-i"], value: "FILE", description: "The inetd.conf to compare names with" },
];

/** The programs. Those without a help text have their options here. */
export const PROGRAM_OPTIONS: readonly Program[] = [
  { name: "nrpe", options: optionsOf(TEXTS.help), words: "none" },
  { name: "--check-access", options: optionsOf(ACCESS_HELP), words: "hosts" },
  { name: "--check-config", options: optionsOf(CONFIG_HELP), words: "none" },
  { name: "--doctor", options: optionsOf(DOCTOR_HELP), words: "none" },
  { name: "--probe", options: optionsOf(PROBE_HELP), words: "hosts" },
  { name: "--run", options: optionsOf(RUN_HELP), words: "commands" },
  { name: "--wrap", options: [], words: "programs" },
  { name: "check_nrpe", options: optionsOf(CHECK_TEXTS.help), words: "none" },
  { name: "tcpdmatch", options: MATCH_OPTIONS, words: "hosts" },
  {
    name: "tcpdchk",
    options: [
      { words: ["-a"], value: undefined, description: "Report rules that grant without allow" },
      ...MATCH_OPTIONS,
      { words: ["-v"], value: undefined, description: "Print each rule" },
    ],
    words: "none",
  },
];

/** The options of a help text. */
export function optionsOf(text: string): readonly HelpedOption[] {
  const found: { words: string[]; value: string | undefined; lines: string[] }[] = [];
  let open = false;
  for (const line of text.split("\n")) {
    const [, words, value, begun] = OPTION_LINE.exec(line) ?? [];
    if (words !== undefined) {
      const lines = begun === undefined ? [] : [begun];
      found.push({ words: words.split(", "), value, lines });
      open = true;
      continue;
    }
    const more = CONTINUATION.exec(line)?.[1];
    if (open && more !== undefined) found.at(-1)!.lines.push(more);
    else open = false;
  }
  return found.map(({ words, value, lines }) => ({
    words,
    value,
    description: lines.join(" ").split(/[.;:(] |\.$| \(/, 1)[0]!,
  }));
}
