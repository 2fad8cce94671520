/**
 * Skips the lines of a long table that cannot match.
 *
 * The line of a rule that matches holds a word that matches the daemon and one that matches the
 * client: an address, for one, is matched by itself, its prefixes, its suffixes and ALL, besides nets
 * and wildcards. Two regular expressions, one for each, find the next such line in one pass. They may
 * find too many lines, never too few.
 */
import { ipv4Value, unmapped } from "./address.ts";
import type { Request } from "./request.ts";
import type { TablePlace } from "./table.ts";

/** Returns the first line from a place on that must be read, or the end of the last whole line. */
export type LineSkipper = (from: TablePlace) => TablePlace;

/** Characters that make a line special: wildcards, brackets, backslash, NUL, VT and FF. */
const SPECIAL = "[*?[\\]\\\\\\0\\v\\f]";
/** What stands before a word of a list. */
const BEFORE = "[\\n \\t\\r,:@]";
/** What stands after one. */
const AFTER = "(?![^\\n \\t\\r,:@/])";

/** Makes the skipper for a table and a request. */
export function skipperFor(request: Request, table: string): LineSkipper {
  const daemon = searcher(table, daemonPlaces(request));
  const client = searcher(table, clientPlaces(request));
  const end = table.lastIndexOf("\n") + 1;
  return (from) => {
    // Nothing stands before the first word of the first line.
    if (from.offset === 0) return from;
    let line = from.offset;
    for (;;) {
      const clientLine = client(line, end);
      const daemonLine = daemon(clientLine, end);
      if (daemonLine === clientLine) break;
      line = daemonLine;
    }
    const candidate = client(line, end);
    const offset = Math.min(candidate, longLine(table, from.offset, candidate));
    return { offset, line: from.line + newlines(table, from.offset, offset) };
  };
}

/**
 * A function that returns the beginning of the first line, from the beginning of a line on, in which
 * an expression matches; or `end`.
 */
function searcher(table: string, places: string): (line: number, end: number) => number {
  const expression = new RegExp(places, "gi");
  let found = -1;
  return (line, end) => {
    if (found < line) {
      // The newline before the line is what stands before its first word.
      expression.lastIndex = line - 1;
      const index = expression.exec(table)?.index;
      if (index === undefined) found = end;
      else found = Math.min(end, table.lastIndexOf("\n", index) + 1);
    }
    return found;
  };
}

function daemonPlaces({ daemon, server }: Request): string {
  const words = ["all", "known", ...wordPlaces(daemon)];
  if (server.port !== undefined) words.push(`[+-]?0*${server.port}`);
  return `${SPECIAL}|${BEFORE}(?:${words.join("|")})${AFTER}`;
}

function clientPlaces({ client }: Request): string {
  const address = unmapped(client.address);
  const words = ["all", "known", "local", ...wordPlaces(address)];
  if (typeof client.name === "string") words.push(...wordPlaces(client.name));
  const places = [
    `${SPECIAL}|@`,
    `${BEFORE}(?:${words.join("|")})${AFTER}`,
    `${BEFORE}/`,
  ];
  // A word of a client list that is not all digits and dots may be a name, which is looked up; without
  // an answer the line is undecided. A line without a colon is warned about.
  if (typeof client.name !== "string") {
    places.push("\\n[^:\\n]*:[\\d. \\t\\r,/]*[^\\d.\\n \\t\\r,:/]", "\\n(?!#)[^:\\n]+(?=\\n)");
  }
  const value = ipv4Value(address);
  if (value !== undefined) places.push(...netPlaces(value >>> 24));
  return places.join("|");
}

/**
 * The IPv4 nets that may hold an address with this first byte: those that begin with it, and those
 * that are not written in decimal or have a mask shorter than eight bits.
 */
function netPlaces(firstByte: number): string[] {
  return [
    `${BEFORE}${firstByte}\\.[\\w.]*/`,
    `${BEFORE}0[\\w.]*/`,
    "/(?!(?:[89]|[12]\\d|3[0-2])[\\n \\t\\r,:]|255\\.)",
  ];
}

/** The words that match a text: itself, its beginnings up to a dot, its ends from a dot. */
export function wordsThatMatch(subject: string): string[] {
  const text = unmapped(subject);
  const words = new Set([text]);
  for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", dot + 1)) {
    words.add(text.slice(0, dot + 1));
    words.add(text.slice(dot));
  }
  return [...words];
}

/** Expressions for the words that match a text. */
function wordPlaces(subject: string): string[] {
  return wordsThatMatch(subject).map((word) => word.replace(/[^A-Za-z0-9]/g, "\\$&"));
}

/** A line of two blocks may be too long to be read. */
export const BLOCK = 1024;

/**
 * The beginning of the first line that may be too long to be read, or `end`: any line of two blocks
 * holds a whole block without a newline.
 */
function longLine(table: string, start: number, end: number): number {
  for (let block = Math.ceil(start / BLOCK) * BLOCK; block < end; block += BLOCK) {
    const newline = table.indexOf("\n", block);
    if (newline < 0 || newline >= block + BLOCK) {
      return Math.max(start, table.lastIndexOf("\n", block) + 1);
    }
  }
  return end;
}

function newlines(table: string, start: number, end: number): number {
  return start === end ? 0 : table.slice(start, end).match(/\n/g)?.length ?? 0;
}
