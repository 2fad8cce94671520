/**
 * The patterns of hosts_access(5): parsed, then matched with texts and hosts. Explanations and checks
 * use the same parsed patterns as the decision.
 */
import { type AddressBytes, isWithin } from "../address.ts";
import { isBlank } from "../bytes.ts";
import { ipv4Mask, ipv4Value, ipv6Value, leadingNumber, unmapped } from "./address.ts";
import { equalIgnoringCase, foldCase, isUnknown } from "./request.ts";

/** A pattern that is compared with one text: an address, a host name, a user or a daemon. */
export type TextPattern =
  /** `*` or `?`: the whole text must match. */
  | { readonly kind: "wildcard"; readonly text: string }
  /** A leading dot: the text ends with it and is longer. */
  | { readonly kind: "suffix"; readonly text: string }
  | { readonly kind: "ALL"; readonly text: string }
  /** Anything but `unknown`. */
  | { readonly kind: "KNOWN"; readonly text: string }
  /** A trailing dot: the text begins with it. */
  | { readonly kind: "prefix"; readonly text: string }
  /** An IPv6 address in brackets, compared by value. */
  | { readonly kind: "ipv6"; readonly text: string; readonly value: AddressBytes }
  | { readonly kind: "exact"; readonly text: string };

/** A net. */
export type Net =
  | { readonly kind: "ipv4"; readonly net: number; readonly mask: number }
  | { readonly kind: "ipv6"; readonly net: AddressBytes; readonly length: number }
  /** One that matches nothing, and why. */
  | { readonly kind: "bad"; readonly reason: string };

/** A pattern that is compared with a host. */
export type HostPattern =
  | { readonly kind: "netgroup"; readonly netgroup: string }
  | { readonly kind: "file"; readonly path: string }
  /** Address and name are both known. */
  | { readonly kind: "KNOWN" }
  /** A known name without a dot. */
  | { readonly kind: "LOCAL" }
  | { readonly kind: "net"; readonly net: Net }
  /** `names`: whether it is compared with the name where the address does not match. */
  | { readonly kind: "text"; readonly text: TextPattern; readonly names: boolean };

/** A word of a daemon list. */
interface DaemonPattern {
  /** A whole number is a port of the server, anything else the daemon's name. */
  readonly daemon: { readonly kind: "port"; readonly port: number } | TextPattern;
  /** The pattern after `@`, for the server. */
  readonly server: HostPattern | undefined;
}

/** A word of a client list. */
interface ClientPattern {
  readonly host: HostPattern;
  /** The pattern before `@`, for the client's user. */
  readonly user: TextPattern | undefined;
}

/**
 * Where `delimiter` first stands outside brackets, from `start` on; -1 if nowhere.
 *
 * Brackets are only counted: an unclosed `[` and a `]` too many hide all that follows.
 */
export function delimiterAt(text: string, delimiter: string, start = 0): number {
  let at = text.indexOf(delimiter, start);
  if (at < 0) return at;
  const open = text.indexOf("[", start);
  const close = text.indexOf("]", start);
  if ((open < 0 || open > at) && (close < 0 || close > at)) return at;
  let depth = 0;
  for (at = start; at < text.length; at++) {
    const char = text[at];
    if (char === "[") depth++;
    else if (char === "]") depth--;
    else if (char === delimiter && depth === 0) return at;
  }
  return -1;
}

/** Reads a word that is compared with one text. */
export function parseTextPattern(text: string): TextPattern {
  if (text.includes("*") || text.includes("?")) return { kind: "wildcard", text };
  if (text.startsWith(".")) return { kind: "suffix", text };
  if (equalIgnoringCase(text, "ALL")) return { kind: "ALL", text };
  if (equalIgnoringCase(text, "KNOWN")) return { kind: "KNOWN", text };
  if (text.endsWith(".")) return { kind: "prefix", text };
  if (text.startsWith("[") && text.endsWith("]")) {
    const value = ipv6Value(text.slice(1, -1));
    if (value !== undefined) return { kind: "ipv6", text, value };
  }
  return { kind: "exact", text };
}

/** Reads a word that is compared with a host. */
export function parseHostPattern(word: string): HostPattern {
  if (word.startsWith("@")) return { kind: "netgroup", netgroup: word.slice(1) };
  if (word.startsWith("/")) return { kind: "file", path: word };
  if (equalIgnoringCase(word, "KNOWN")) return { kind: "KNOWN" };
  if (equalIgnoringCase(word, "LOCAL")) return { kind: "LOCAL" };
  const slash = delimiterAt(word, "/");
  if (slash >= 0) {
    return { kind: "net", net: parseNet(word.slice(0, slash), word.slice(slash + 1)) };
  }
  return { kind: "text", text: parseTextPattern(word), names: !isNumeric(word) };
}

/** Whether a word consists of digits, dots and slashes, as no host name does. */
function isNumeric(word: string): boolean {
  for (let at = 0; at < word.length; at++) {
    // Dot, slash and the digits stand together in ASCII.
    const byte = word.charCodeAt(at);
    if (byte < 0x2e || byte > 0x39) return false;
  }
  return true;
}

function parseNet(net: string, mask: string): Net {
  if (net.startsWith("[") && net.endsWith("]")) return parseIpv6Net(net.slice(1, -1), mask);
  const value = ipv4Value(net);
  if (value === undefined) {
    return { kind: "bad", reason: `${net} is no IPv4 address of four parts` };
  }
  const dotted = ipv4Value(mask);
  if (dotted !== undefined) return { kind: "ipv4", net: value, mask: dotted };
  const length = leadingNumber(mask);
  if (!(length >= 1 && length <= 32)) {
    return { kind: "bad", reason: `${mask} is neither a mask nor a length from 1 to 32` };
  }
  return { kind: "ipv4", net: value, mask: ipv4Mask(length) };
}

function parseIpv6Net(net: string, length: string): Net {
  const value = ipv6Value(net);
  if (value === undefined) return { kind: "bad", reason: `${net} is no IPv6 address` };
  const bits = leadingNumber(length);
  return bits >= 0 && bits <= 128
    ? { kind: "ipv6", net: value, length: bits }
    : { kind: "bad", reason: `${length} is no length from 0 to 128` };
}

/** Reads a word of a daemon list. */
export function parseDaemonPattern(word: string): DaemonPattern {
  // From the second character on: an @ at the start belongs to the word.
  const at = delimiterAt(word, "@", 1);
  const name = at < 0 ? word : word.slice(0, at);
  return {
    daemon: isWholeNumber(name) ? { kind: "port", port: Number(name) } : parseTextPattern(name),
    server: at < 0 ? undefined : parseHostPattern(word.slice(at + 1)),
  };
}

/** Whether a word is an integer to scanf(3): white space, sign and digits. */
function isWholeNumber(word: string): boolean {
  let at = 0;
  while (isBlank(word.charCodeAt(at))) at++;
  if (word[at] === "+" || word[at] === "-") at++;
  const digits = at;
  while (at < word.length && word.charCodeAt(at) >= 0x30 && word.charCodeAt(at) <= 0x39) at++;
  return at > digits && at === word.length;
}

/** Reads a word of a client list. */
export function parseClientPattern(word: string): ClientPattern {
  const at = delimiterAt(word, "@", 1);
  return at < 0
    ? { host: parseHostPattern(word), user: undefined }
    : { host: parseHostPattern(word.slice(at + 1)), user: parseTextPattern(word.slice(0, at)) };
}

/** Whether a text matches a pattern. */
export function matchesText(pattern: TextPattern, subject: string): boolean {
  const text = unmapped(subject);
  switch (pattern.kind) {
    case "wildcard":
      return matchesWildcard(pattern.text, text);
    case "suffix":
      return text.length > pattern.text.length &&
        equalIgnoringCase(text.slice(-pattern.text.length), pattern.text);
    case "ALL":
      return true;
    case "KNOWN":
      return !isUnknown(text);
    case "prefix":
      return equalIgnoringCase(text.slice(0, pattern.text.length), pattern.text);
    case "ipv6": {
      const value = ipv6Value(text);
      return value !== undefined
        ? isWithin(value, pattern.value, 128)
        : equalIgnoringCase(text, pattern.text);
    }
    case "exact":
      return equalIgnoringCase(text, pattern.text);
  }
}

/**
 * Whether a whole text matches `*` (any run of characters) and `?` (one character).
 *
 * Only the last `*` is tried again, so the time is at worst the product of the lengths. Two or more
 * `*` at the end need one more character, as in tcp_wrappers.
 */
function matchesWildcard(pattern: string, text: string): boolean {
  const wanted = pattern.endsWith("**") ? pattern.replace(/\*+$/, "?*") : pattern;
  let at = 0;
  let from = 0;
  let star = -1;
  let retry = 0;
  while (from < text.length) {
    const char = wanted[at];
    if (char === "*") {
      star = at++;
      retry = from;
    } else if (
      char === "?" ||
      (char !== undefined && foldCase(wanted.charCodeAt(at)) === foldCase(text.charCodeAt(from)))
    ) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++retry;
    } else return false;
  }
  while (wanted[at] === "*") at++;
  return at === wanted.length;
}

/** Whether an address lies in a net. */
export function inNet(net: Net, address: string): boolean {
  const text = unmapped(address);
  switch (net.kind) {
    case "ipv4": {
      const value = ipv4Value(text);
      return value !== undefined && ((value & net.mask) >>> 0) === net.net;
    }
    case "ipv6": {
      const value = ipv6Value(text);
      return value !== undefined && isWithin(value, net.net, net.length);
    }
    case "bad":
      return false;
  }
}
