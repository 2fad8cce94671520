/**
 * An index of the lines of a table by their words, for a process that searches the same table for many
 * clients. It skips lines as skip_lines.ts does, without reading them. It may find too many lines that
 * must be read, never too few.
 */
import { ipv4Mask, ipv4Value, maskLength, unmapped } from "./address.ts";
import { parseHostPattern } from "./pattern.ts";
import type { Request } from "./request.ts";
import { BLOCK, type LineSkipper, wordsThatMatch } from "./skip_lines.ts";

/** What makes a line special, as in skip_lines.ts. */
const SPECIAL = /[*?[\]\\\0\v\f]/;

/** The largest table to index, in bytes: so many take half a second. */
export const LARGEST_INDEXED = 4 * 1024 * 1024;

/** The number of a line is below this. */
const LINE_LIMIT = 2 ** 24;

/** What lines are found by: the hash of a word or of a net, or one of these. */
const enum Key {
  /** Wildcards, brackets and the like: the line is tried for every request. */
  special,
  /** A user, a netgroup or a server. */
  at,
  /** A pattern file. */
  file,
  /** A net that is not found by its address and length, or by its first number. */
  otherNet,
  /** A word that may be a host name. */
  name,
  /** The hashes begin here. */
  hashes,
}

/** Keys are below this: with the number of a line they fit into the 53 bits of a number. */
const KEY_LIMIT = 2 ** 28;
/** What a hash is of: a word of the daemon list, one of the client list up to its slash, a net. */
const DAEMON = 1;
const CLIENT = 2;
const NET = 3;

/** Makes a function that makes the skipper for a request. */
export function indexTable(table: string): (request: Request) => LineSkipper {
  const starts = lineStarts(table);
  const entries = entriesOf(table, starts);
  const end = starts.length - 1;

  /** The first line from a line on that has one of the keys. */
  const next = (keys: readonly number[], line: number) => {
    let first = end;
    for (const key of keys) {
      const entry = entries[lowerBound(entries, key * LINE_LIMIT + line)];
      if (entry !== undefined) first = Math.min(first, entry - key * LINE_LIMIT);
    }
    return first;
  };

  return (request) => {
    const daemon = daemonKeys(request);
    const client = clientKeys(request);
    return (from) => {
      let line = from.line;
      for (;;) {
        const clientLine = next(client, line);
        line = next(daemon, clientLine);
        if (line === clientLine) return { offset: starts[line]!, line };
      }
    };
  };
}

/** The offsets of the lines, and of what follows the last newline. */
function lineStarts(table: string): Uint32Array {
  const starts = [0];
  for (let at = table.indexOf("\n"); at >= 0; at = table.indexOf("\n", at + 1)) starts.push(at + 1);
  return Uint32Array.from(starts);
}

/** The entries in order: a key, and the number of a line that has it. */
function entriesOf(table: string, starts: Uint32Array): Float64Array {
  const entries: number[] = [];
  for (let line = 0; line + 1 < starts.length; line++) {
    addLine(table.slice(starts[line]!, starts[line + 1]! - 1), (key) => {
      entries.push(key * LINE_LIMIT + line);
    });
  }
  return Float64Array.from(entries).sort();
}

/** The index of the first entry that is not below a value. */
function lowerBound(entries: Float64Array, value: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds the keys of a line. */
function addLine(line: string, add: (key: number) => void): void {
  // The longer ones may be too long to be read.
  if (line.length >= BLOCK || SPECIAL.test(line)) return add(Key.special);
  if (line.startsWith("#")) return;
  const first = line.indexOf(":");
  const second = line.indexOf(":", first + 1);
  // A line without a colon is warned about if it looks like a rule that would match.
  const daemons = first < 0 ? line : line.slice(0, first);
  const clients = line.slice(first + 1, second < 0 ? line.length : second);
  for (const word of wordsOf(daemons)) {
    add(hashOf(DAEMON, word));
    // A port may have a sign and zeros.
    const number = word.replace(/^[+-]?0*(?=\d)/, "");
    if (number !== word) add(hashOf(DAEMON, number));
  }
  // Also in the daemon list: the server's name is looked up before the client list is read.
  if (daemons.includes("@") || clients.includes("@")) add(Key.at);
  for (const word of wordsOf(clients)) {
    const slash = word.indexOf("/");
    const start = slash < 0 ? word : word.slice(0, slash);
    add(hashOf(CLIENT, start));
    // No host name has only digits and dots.
    if (/[^\d.]/.test(start)) add(Key.name);
    if (slash === 0) add(Key.file);
    if (slash >= 0) add(netKey(word, slash));
  }
}

/** The words of a list, also those on both sides of an at sign. */
function wordsOf(list: string): readonly string[] {
  return list.match(/[^ \t\r,@]+/g) ?? [];
}

/** The key of a word with a slash. */
function netKey(word: string, slash: number): number {
  const pattern = parseHostPattern(word);
  if (pattern.kind === "net" && pattern.net.kind === "ipv4") {
    const { net, mask } = pattern.net;
    const length = maskLength(mask);
    return length === undefined || length === 0 ? Key.otherNet : ipv4NetKey(net, length);
  }
  // A bad one is warned about where skip_lines.ts finds it.
  if (word.startsWith("0") || !isLongMask(word.slice(slash + 1))) return Key.otherNet;
  return hashOf(NET, word.split(".", 1)[0]!);
}

function ipv4NetKey(net: number, length: number): number {
  return hashOf(NET, `${net}/${length}`);
}

/** Whether a mask is written as one of at least eight bits. */
function isLongMask(mask: string): boolean {
  return mask.startsWith("255.") || /^(?:[89]|[12]\d|3[0-2])$/.test(mask);
}

/** A key for a text (FNV-1a). The case of letters does not count, nor that bit of other characters. */
function hashOf(kind: number, text: string): number {
  let hash = kind;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ (text.charCodeAt(at) | 0x20), 0x01000193);
  }
  return Key.hashes + (hash >>> 0) % (KEY_LIMIT - Key.hashes);
}

function daemonKeys({ daemon, server }: Request): number[] {
  const words = ["all", "known", ...wordsThatMatch(daemon)];
  if (server.port !== undefined) words.push(String(server.port));
  return [Key.special, ...words.map((word) => hashOf(DAEMON, word))];
}

function clientKeys({ client }: Request): number[] {
  const address = unmapped(client.address);
  const words = ["all", "known", "local", ...wordsThatMatch(address)];
  if (typeof client.name === "string") words.push(...wordsThatMatch(client.name));
  const keys = [Key.special, Key.at, Key.file, ...words.map((word) => hashOf(CLIENT, word))];
  if (typeof client.name !== "string") keys.push(Key.name);
  const value = ipv4Value(address);
  if (value !== undefined) {
    keys.push(Key.otherNet, hashOf(NET, String(value >>> 24)));
    for (let length = 1; length <= 32; length++) {
      keys.push(ipv4NetKey((value & ipv4Mask(length)) >>> 0, length));
    }
  }
  return keys;
}
