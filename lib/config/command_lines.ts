/**
 * Command definitions that are not read before one of them is asked for: a check under inetd needs one
 * of perhaps thousands.
 */
import type { CommandDefinition } from "./config.ts";
import { LONGEST_CONFIG_LINE, parseLine } from "./parse_line.ts";

const HEAD = "command[";
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** Lines one after the other, each of which parseLine() reads as a command without a doubt. */
export interface CommandLines {
  readonly file: string;
  readonly text: string;
  /** The offsets of the first line and of what follows the last one. */
  readonly start: number;
  readonly end: number;
  /** The number of the first line. */
  readonly line: number;
}

/** The end of such lines, and how many there are. */
export interface Skipped {
  readonly end: number;
  readonly lines: number;
}

/** Skips such lines, which may be none, from the start of a line to an offset at most. */
export function skipCommandLines(text: string, start: number, limit: number): Skipped {
  let lines = 0;
  let at = start;
  while (text.startsWith(HEAD, at)) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const bracket = text.indexOf("]", at);
    const value = bracket + 2;
    // As parseLine() has it: a name, the first = right after its bracket, no blanks to trim.
    const isPlain = bracket > at + HEAD.length && text.indexOf("=", at) === bracket + 1 &&
      value < end && text.charCodeAt(value) > SPACE && text.charCodeAt(end - 1) > SPACE;
    if (!isPlain || end - at > LONGEST_CONFIG_LINE || end >= limit) break;
    lines++;
    at = end + 1;
  }
  return { end: at, lines };
}

/** The last definition of a command in lines and definitions, in the order of the configuration. */
export function findCommand(
  definitions: readonly (CommandLines | CommandDefinition)[],
  name: string,
): CommandDefinition | undefined {
  for (let at = definitions.length - 1; at >= 0; at--) {
    const one = definitions[at]!;
    const found = "text" in one ? findIn(one, name) : one.name === name ? one : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function findIn(
  { file, text, start, end, line: first }: CommandLines,
  name: string,
): CommandDefinition | undefined {
  const head = `${HEAD}${name}]=`;
  // A search in the whole text would go on before these lines: there may be many groups of them.
  const lines = text.slice(start, end);
  let at = lines.lastIndexOf(head);
  for (; at >= 0; at = at === 0 ? -1 : lines.lastIndexOf(head, at - 1)) {
    if (at > 0 && lines.charCodeAt(at - 1) !== NEWLINE) continue;
    const newline = lines.indexOf("\n", at);
    const parsed = parseLine(lines.slice(at, newline < 0 ? lines.length : newline));
    // A name that a client sends may hold a newline, too.
    if (parsed.kind !== "command" || parsed.name !== name) continue;
    const position = { file, line: first + countNewlines(lines, at) };
    return { name, line: parsed.value, position };
  }
  return undefined;
}

function countNewlines(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) {
    count++;
  }
  return count;
}
