/**
 * What the words of a client list match, read once for all checks that compare rules.
 */
import type { AddressBytes } from "../../address.ts";
import { maskLength } from "../address.ts";
import { type HostPattern, type Net, parseClientPattern } from "../pattern.ts";

/** Addresses that have their first bits in common. */
export interface AddressRange {
  readonly family: 4 | 6;
  /** The number of these bits. */
  readonly length: number;
  /** The bits; a bigint is slow, so IPv4 has none. */
  readonly bits: number | bigint;
}

/** What a word of a client list matches. */
export type ClientScope =
  /** Every client. */
  | "all"
  /** A range of addresses and nothing else. */
  | AddressRange
  /** The word in small letters, where it matches something else. */
  | string;

/** Reads a word of a client list. */
export function clientScope(word: string): ClientScope {
  const range = plainAddress(word) ?? rangeOfWord(word);
  if (range !== undefined) return range;
  const lower = word.toLowerCase();
  return isEveryClient(lower) ? "all" : lower;
}

/** Whether a word in small letters matches every client, with or without a name. */
function isEveryClient(word: string): boolean {
  const every = (text: string) => text === "all" || text === "*";
  const at = word.indexOf("@", 1);
  return at < 0 ? every(word) : every(word.slice(0, at)) && every(word.slice(at + 1));
}

/** An IPv4 address as it is usually spelled: the most frequent word by far, and never wrong. */
export function plainAddress(word: string): AddressRange | undefined {
  let bits = 0;
  let part = -1;
  let parts = 0;
  for (let at = 0; at < word.length; at++) {
    const digit = word.charCodeAt(at) - 0x30;
    if (digit === -2) {
      if (part < 0 || ++parts > 3) return undefined;
      bits = bits * 256 + part;
      part = -1;
    } else if (digit < 0 || digit > 9 || part === 0) return undefined;
    else if ((part = Math.max(part, 0) * 10 + digit) > 255) return undefined;
  }
  return part < 0 || parts !== 3 ? undefined : { family: 4, length: 32, bits: bits * 256 + part };
}

/** The addresses that a word matches, if it matches a range of addresses and nothing else. */
function rangeOfWord(word: string): AddressRange | undefined {
  if (!/^[0-9[]/.test(word)) return undefined;
  const { host, user } = parseClientPattern(word);
  return user === undefined ? rangeOf(host) : undefined;
}

function rangeOf(host: HostPattern): AddressRange | undefined {
  if (host.kind === "net") return rangeOfNet(host.net);
  if (host.kind !== "text") return undefined;
  const { text } = host;
  if (text.kind === "ipv6") return ipv6Range(text.value, 128);
  // A part with leading zeros matches nothing, since addresses are compared as text.
  if (host.names || !/^((0|[1-9][0-9]{0,2})(\.|$)){1,4}$/.test(text.text)) return undefined;
  const parts = text.text.split(".").filter((part) => part !== "").map(Number);
  if (parts.some((part) => part > 255) || (text.kind === "exact") !== (parts.length === 4)) {
    return undefined;
  }
  const bits = parts.reduce((value, part) => value * 256 + part, 0);
  return { family: 4, length: parts.length * 8, bits };
}

function rangeOfNet(net: Net): AddressRange | undefined {
  if (net.kind === "ipv6") return ipv6Range(net.net, net.length);
  if (net.kind === "bad" || ((net.net & net.mask) >>> 0) !== net.net) return undefined;
  const length = maskLength(net.mask);
  if (length === undefined) return undefined;
  return { family: 4, length, bits: Math.floor(net.net / 2 ** (32 - length)) };
}

function ipv6Range(address: AddressBytes, length: number): AddressRange {
  const all = address.reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  return { family: 6, length, bits: all >> BigInt(128 - length) };
}
