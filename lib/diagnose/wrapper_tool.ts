/**
 * What tcpdmatch and tcpdchk have in common: their options, their tables, and their lines on standard
 * error.
 */
import { readOnce, readTableFile } from "../access/table_files.ts";
import { encodeBytes } from "../bytes.ts";
import { DIRECTIVES } from "../config/settings.ts";
import { printable } from "../log.ts";
import { writeAll } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import type { Tables } from "../wrappers/find_rule.ts";

/** The arguments make no sense, a host is not found, or a file that is given cannot be read. */
export const EXIT_NO_ANSWER = 2;

/** The arguments of one of these tools. */
export interface ToolArguments {
  readonly kind: "arguments";
  /** The letters of the options that were given. */
  readonly letters: ReadonlySet<string>;
  /** The value of -i, the last of several. */
  readonly inetdConf: string | undefined;
  readonly words: readonly string[];
}

/**
 * Reads the arguments as getopt(3) does: letters may be joined, and options may follow words.
 *
 * @param known The letters of options without a value, besides -i with one.
 */
export function parseTool(
  args: readonly string[],
  known: string,
): ToolArguments | { readonly kind: "usage"; readonly problem: string } {
  const letters = new Set<string>();
  const words: string[] = [];
  let inetdConf: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    for (let letterAt = 1; letterAt < arg.length; letterAt++) {
      const letter = arg[letterAt]!;
      if (letter === "i") {
        const value = letterAt + 1 < arg.length ? arg.slice(letterAt + 1) : args[++at];
        if (value === undefined) return { kind: "usage", problem: "option -i needs a file" };
        inetdConf = value;
        break;
      }
      if (!known.includes(letter)) return { kind: "usage", problem: `unknown option -${letter}` };
      letters.add(letter);
    }
  }
  return { kind: "arguments", letters, inetdConf, words };
}

/** The tables of this host, or, with -d, of the working directory. */
export function tablesOf({ letters }: ToolArguments): Tables {
  const read = readOnce(readTableFile);
  if (letters.has("d")) return { allow: "hosts.allow", deny: "hosts.deny", read };
  const { hosts_allow_file, hosts_deny_file } = DIRECTIVES;
  return { allow: hosts_allow_file.byDefault, deny: hosts_deny_file.byDefault, read };
}

/** Prints a line on standard output, in which the tabs of a table stay. */
export function printRow(line: string): void {
  writeAll(Stdio.output, encodeBytes(`${line.split("\t").map(printable).join("\t")}\n`));
}

/** Prints a line on standard error. */
export function printProblem(line: string): void {
  writeAll(Stdio.error, encodeBytes(`${printable(line)}\n`));
}

/** The place of a finding in tcpd's words. */
export function placeText(file: string, line: number | undefined): string {
  return line === undefined ? file : `${file}, line ${line}`;
}

/** An option of a rule, as a row. */
export function optionRow(option: string, value: string | undefined): string {
  return `option:   ${option}${value === undefined ? "" : ` ${value}`}`;
}
