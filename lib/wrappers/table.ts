/**
 * The logical lines of an access table, and their three fields.
 *
 * As in tcp_wrappers a backslash before the newline joins lines, and a line that is too long or has no
 * newline ends the table.
 */
import { delimiterAt } from "./pattern.ts";

const COMMA = 0x2c;

/** The longest logical line, in bytes, its newline included. */
export const LONGEST_LINE = 2047;

/** A place in a table: the byte offset of a line, and the number of the line before. */
export interface TablePlace {
  readonly offset: number;
  readonly line: number;
}

/** The first line of a table. */
export const TABLE_START: TablePlace = { offset: 0, line: 0 };

/** What stands at a place of a table. */
type LogicalLine =
  /** `text` is without its newline; `line` is the number of its last physical line. */
  | {
    readonly kind: "line";
    readonly text: string;
    readonly line: number;
    readonly next: TablePlace;
  }
  | { readonly kind: "end" }
  /** The file ends without a newline. */
  | { readonly kind: "unfinished"; readonly line: number }
  /** A line above {@link LONGEST_LINE}. */
  | { readonly kind: "too long"; readonly line: number };

/** Reads the logical line at a place. */
export function lineAt(table: string, place: TablePlace): LogicalLine {
  let { offset, line } = place;
  let collected = "";
  for (;;) {
    const newline = table.indexOf("\n", offset);
    const end = newline < 0 ? table.length : newline + 1;
    if (collected.length + end - offset > LONGEST_LINE) {
      return { kind: "too long", line: line + 1 };
    }
    if (newline < 0) {
      return end === offset && collected === ""
        ? { kind: "end" }
        : { kind: "unfinished", line: end === offset ? line : line + 1 };
    }
    line++;
    if (newline === offset || table.charCodeAt(newline - 1) !== 0x5c) {
      const text = collected + table.slice(offset, newline);
      return { kind: "line", text, line, next: { offset: end, line } };
    }
    collected += table.slice(offset, newline - 1);
    offset = end;
  }
}

/** A logical line as it is read. */
export type Rule =
  | {
    readonly kind: "rule";
    readonly daemons: string;
    readonly clients: string;
    /** The text after the second colon, or undefined. */
    readonly options: string | undefined;
  }
  /** A comment or a blank line. */
  | { readonly kind: "nothing" }
  /** A line that is skipped; one that is fatal denies in hosts.deny. */
  | { readonly kind: "error"; readonly reason: string; readonly fatal: boolean };

/** Reads the fields of a logical line. */
export function parseRule(text: string): Rule {
  // tcp_wrappers drops what follows a NUL byte; what was meant cannot be known.
  if (text.includes("\0")) return { kind: "error", reason: "NUL byte in the line", fatal: true };
  if (text.startsWith("#") || isBlankLine(text)) return { kind: "nothing" };
  const first = delimiterAt(text, ":");
  if (first < 0) return { kind: "error", reason: 'missing ":" separator', fatal: false };
  const second = delimiterAt(text, ":", first + 1);
  return {
    kind: "rule",
    daemons: text.slice(0, first),
    clients: second < 0 ? text.slice(first + 1) : text.slice(first + 1, second),
    options: second < 0 ? undefined : text.slice(second + 1),
  };
}

function isBlankLine(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isWhitespace(text.charCodeAt(at))) return false;
  return true;
}

/** Whether a byte is white space in a rule: blank, tab, carriage return or newline, no other. */
export function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;
}

/** Whether a byte separates the words of a list. */
function isSeparator(byte: number): boolean {
  return byte === COMMA || isWhitespace(byte);
}

/** The words of a daemon or client list. */
export function listWords(list: string): string[] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < list.length && isSeparator(list.charCodeAt(at))) at++;
    if (at === list.length) return words;
    const start = at;
    while (at < list.length && !isSeparator(list.charCodeAt(at))) at++;
    words.push(list.slice(start, at));
  }
}
