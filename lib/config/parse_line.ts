import { trimBlanks } from "../bytes.ts";

/** The longest line that is read, in bytes. */
export const LONGEST_CONFIG_LINE = 65536;

/** A line of nrpe.cfg. */
export type ConfigLine =
  | { readonly kind: "nothing" }
  | {
    readonly kind: "directive" | "command";
    readonly name: string;
    readonly value: string;
    readonly doubt: string | undefined;
  }
  | { readonly kind: "error"; readonly reason: LineError };

/** What is wrong with a line, in the C agent's words. */
export type LineError =
  | "No variable name specified"
  | "No variable value specified"
  | "Invalid command specified"
  | "Line too long";

const COMMAND = "command";
const BLANK: ConfigLine = { kind: "nothing" };

/**
 * Reads one line: `name=value`, `command[name]=value`, a comment, or nothing.
 *
 * Blanks around the line are ignored; `#` begins a comment only as the first character. Blanks around
 * the `=`, which the C agent reads as part of the name, are dropped with a doubt.
 */
export function parseLine(line: string): ConfigLine {
  if (line.length > LONGEST_CONFIG_LINE) return { kind: "error", reason: "Line too long" };
  const text = trimBlanks(line);
  if (text === "" || text.charCodeAt(0) === 0x23) return BLANK;
  const equals = text.indexOf("=");
  if (equals === 0 && text.length === 1) {
    return { kind: "error", reason: "No variable name specified" };
  }
  // The C agent splits with strtok(3), which skips a leading "=".
  if (equals <= 0 || equals === text.length - 1) {
    return { kind: "error", reason: "No variable value specified" };
  }
  const left = text.slice(0, equals);
  const name = trimBlanks(left);
  const value = trimBlanks(text.slice(equals + 1));
  const doubt = name === left ? undefined : "there is a blank before the =";
  if (name.startsWith(COMMAND) && hasBracket(name)) return commandLine(name, value, doubt);
  return { kind: "directive", name, value, doubt };
}

/** Whether the name continues with a bracket, perhaps after blanks. */
function hasBracket(name: string): boolean {
  let at = COMMAND.length;
  while (name[at] === " " || name[at] === "\t") at++;
  return name[at] === "[";
}

function commandLine(left: string, value: string, blank: string | undefined): ConfigLine {
  const inner = left.slice(left.indexOf("[") + 1);
  const end = inner.indexOf("]");
  const name = end < 0 ? inner : inner.slice(0, end);
  if (name === "") return { kind: "error", reason: "Invalid command specified" };
  const regular = left === `command[${name}]`;
  const doubt = regular ? blank : `it is read as command[${name}]`;
  return { kind: "command", name, value, doubt };
}
