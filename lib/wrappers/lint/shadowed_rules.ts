/**
 * Rules that can never decide, because an earlier rule matches whatever they match.
 *
 * The cover is found pattern by pattern, without comparing each rule with each: a word is covered by
 * ALL, by itself, by a domain that it ends in, or by a net that holds it. What cannot be told for
 * sure is not covered.
 */
import { ipv6Value } from "../address.ts";
import type { Outcome } from "./options.ts";
import { type HostPattern, type Net, parseClientPattern } from "../pattern.ts";

/** A rule as its matching goes: both lists cut off before their first EXCEPT. */
export interface ReachRule {
  readonly file: string;
  readonly line: number;
  readonly daemons: readonly string[];
  readonly clients: readonly string[];
  /** Whether one of its lists excepts something. */
  readonly excepts: boolean;
  readonly outcome: Outcome;
}

/** The rules that came so far, in the order in which they are searched. */
export interface Reach {
  readonly add: (rule: ReachRule) => void;
  /** The earlier rule that matches all that `rule` matches, if one is sure to. */
  readonly coverOf: (rule: ReachRule) => ReachRule | undefined;
}

/** What earlier rules match for one daemon. */
interface Cover {
  all: ReachRule | undefined;
  /** By the word in small letters. */
  readonly words: Map<string, ReachRule>;
  /** By the family and the length, such as `4/24`, then by the bits of the net. */
  readonly nets: Map<string, NetsOfLength>;
}

interface NetsOfLength {
  readonly family: 4 | 6;
  readonly length: number;
  readonly byBits: Map<number | bigint, ReachRule>;
}

/** A rule of more daemons times clients than this covers nothing, and is covered by nothing. */
const MOST_PAIRS = 4096;

/** Makes an empty one. */
export function makeReach(): Reach {
  const covers = new Map<string, Cover>();
  return {
    add(rule) {
      if (rule.excepts || rule.daemons.length * rule.clients.length > MOST_PAIRS) return;
      for (const daemon of rule.daemons) addTo(coverFor(covers, daemon.toLowerCase()), rule);
    },
    coverOf(rule) {
      const { daemons, clients } = rule;
      if (daemons.length === 0 || clients.length === 0) return undefined;
      if (daemons.length * clients.length > MOST_PAIRS) return undefined;
      let first: ReachRule | undefined;
      for (const daemon of daemons) {
        const candidates = coversOf(covers, daemon.toLowerCase());
        if (candidates.length === 0) return undefined;
        for (const client of clients) {
          const by = coverOfClient(candidates, client);
          if (by === undefined) return undefined;
          first ??= by;
        }
      }
      return first;
    },
  };
}

function coverFor(covers: Map<string, Cover>, daemon: string): Cover {
  const known = covers.get(daemon);
  if (known !== undefined) return known;
  const cover: Cover = { all: undefined, words: new Map(), nets: new Map() };
  covers.set(daemon, cover);
  return cover;
}

function coversOf(covers: Map<string, Cover>, daemon: string): readonly Cover[] {
  const at = daemon.indexOf("@", 1);
  const names = [daemon, "all", ...(at < 0 ? [] : [daemon.slice(0, at)])];
  return names.flatMap((name) => covers.get(name) ?? []);
}

function addTo(cover: Cover, rule: ReachRule): void {
  for (const client of rule.clients) {
    const word = client.toLowerCase();
    if (word === "all" || word === "*") cover.all ??= rule;
    if (!cover.words.has(word)) cover.words.set(word, rule);
    const net = netOf(client);
    if (net === undefined) continue;
    const key = `${net.family}/${net.length}`;
    const nets = cover.nets.get(key) ??
      { family: net.family, length: net.length, byBits: new Map<number | bigint, ReachRule>() };
    if (nets.byBits.size === 0) cover.nets.set(key, nets);
    if (!nets.byBits.has(net.bits)) nets.byBits.set(net.bits, rule);
  }
}

function coverOfClient(covers: readonly Cover[], client: string): ReachRule | undefined {
  const word = client.toLowerCase();
  const net = netOf(client);
  for (const cover of covers) {
    const found = cover.all ?? cover.words.get(word) ??
      (net === undefined ? domainCover(cover, word) : netCover(cover, net));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The rule for a domain that a name, or a part of it, lies in. */
function domainCover(cover: Cover, word: string): ReachRule | undefined {
  if (!/^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(word)) return undefined;
  for (let dot = word.indexOf(".", 1); dot > 0; dot = word.indexOf(".", dot + 1)) {
    const found = cover.words.get(word.slice(dot));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The addresses that share their first bits. */
interface AddressRange {
  readonly family: 4 | 6;
  /** How many bits they share. */
  readonly length: number;
  /** These bits, as a number: a bigint for IPv6 alone, since it costs more. */
  readonly bits: number | bigint;
}

function firstBits({ bits, length }: AddressRange, count: number): number | bigint {
  return typeof bits === "bigint"
    ? bits >> BigInt(length - count)
    : Math.floor(bits / 2 ** (length - count));
}

function netCover(cover: Cover, net: AddressRange): ReachRule | undefined {
  for (const { family, length, byBits } of cover.nets.values()) {
    if (family !== net.family || length > net.length) continue;
    const found = byBits.get(firstBits(net, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The addresses that a pattern means, if it means a range of them and nothing else. */
function netOf(word: string): AddressRange | undefined {
  if (!/^[0-9[]/.test(word)) return undefined;
  const { host, user } = parseClientPattern(word);
  return user === undefined ? rangeOf(host) : undefined;
}

function rangeOf(host: HostPattern): AddressRange | undefined {
  if (host.kind === "net") return rangeOfNet(host.net);
  if (host.kind !== "text") return undefined;
  const { text } = host;
  if (text.kind === "ipv6") return ipv6Range(text.value, 128);
  // Each part as addresses are spelled: no leading zeros, since these are compared as text.
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
  const inverse = ~net.mask >>> 0;
  if ((inverse & (inverse + 1)) !== 0) return undefined;
  const length = Math.clz32(inverse);
  return { family: 4, length, bits: Math.floor(net.net / 2 ** (32 - length)) };
}

function ipv6Range(
  value: NonNullable<ReturnType<typeof ipv6Value>>,
  length: number,
): AddressRange {
  const all = value.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n);
  return { family: 6, length, bits: all >> BigInt(128 - length) };
}
