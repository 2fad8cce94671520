/**
 * Shadowed rules: rules that never decide, since earlier rules match all that they match.
 *
 * For each word of a rule an index finds the earlier rule with ALL, the same word, a domain that the
 * word ends in, or a net that contains it. Other overlaps are ignored: each rule that is reported is
 * shadowed, but not each that is shadowed is reported.
 */
import type { AddressBytes } from "../../address.ts";
import { maskLength } from "../address.ts";
import { type HostPattern, type Net, parseClientPattern } from "../pattern.ts";

/** What a rule matches. */
export interface RuleScope {
  /** The words of its lists, each up to the first EXCEPT. */
  readonly daemons: readonly string[];
  readonly clients: readonly string[];
  /** Whether one of its lists excepts something. */
  readonly excepts: boolean;
}

/** The earlier rules in the order of the search. */
interface EarlierRules<Rule> {
  readonly add: (rule: Rule, scope: RuleScope) => void;
  /** The first of the rules that together match all of `scope`, or undefined. */
  readonly shadowing: (scope: RuleScope) => Rule | undefined;
}

/** The clients that earlier rules match for one daemon, and the first rule that matches them. */
interface Shadow<Rule> {
  all: Rule | undefined;
  /** By the word in small letters. */
  readonly words: Map<string, Rule>;
  /** By the family and the length, such as `4/24`. */
  readonly nets: Map<string, NetsOfLength<Rule>>;
}

interface NetsOfLength<Rule> {
  readonly family: 4 | 6;
  readonly length: number;
  readonly byBits: Map<number | bigint, Rule>;
}

/** Rules with more daemons times clients than this are left out. */
const MOST_PAIRS = 4096;

/** Makes an empty index. */
export function makeEarlierRules<Rule>(): EarlierRules<Rule> {
  const shadows = new Map<string, Shadow<Rule>>();
  return {
    add(rule, { daemons, clients, excepts }) {
      if (excepts || daemons.length * clients.length > MOST_PAIRS) return;
      for (const daemon of daemons) addTo(shadows, daemon.toLowerCase(), clients, rule);
    },
    shadowing({ daemons, clients }) {
      if (daemons.length * clients.length > MOST_PAIRS) return undefined;
      let first: Rule | undefined;
      for (const daemon of daemons) {
        const shadowsHere = shadowsOf(shadows, daemon.toLowerCase());
        for (const client of clients) {
          const rule = ruleFor(shadowsHere, client);
          if (rule === undefined) return undefined;
          first ??= rule;
        }
      }
      return first;
    },
  };
}

function shadowsOf<Rule>(
  shadows: ReadonlyMap<string, Shadow<Rule>>,
  daemon: string,
): readonly Shadow<Rule>[] {
  const at = daemon.indexOf("@", 1);
  const names = [daemon, "all", ...(at < 0 ? [] : [daemon.slice(0, at)])];
  return names.flatMap((name) => shadows.get(name) ?? []);
}

function addTo<Rule>(
  shadows: Map<string, Shadow<Rule>>,
  daemon: string,
  clients: readonly string[],
  rule: Rule,
): void {
  const shadow = shadows.get(daemon) ?? { all: undefined, words: new Map(), nets: new Map() };
  shadows.set(daemon, shadow);
  for (const client of clients) {
    const word = client.toLowerCase();
    if (isEveryClient(client)) shadow.all ??= rule;
    if (!shadow.words.has(word)) shadow.words.set(word, rule);
    const range = rangeOfWord(client);
    if (range === undefined) continue;
    const { family, length, bits } = range;
    const key = `${family}/${length}`;
    const nets = shadow.nets.get(key) ?? { family, length, byBits: new Map() };
    shadow.nets.set(key, nets);
    if (!nets.byBits.has(bits)) nets.byBits.set(bits, rule);
  }
}

/** Whether a word of a client list matches every client. */
export function isEveryClient(word: string): boolean {
  return word.toLowerCase() === "all" || word === "*";
}

/** The earlier rule for a word of a client list. */
function ruleFor<Rule>(shadows: readonly Shadow<Rule>[], client: string): Rule | undefined {
  const word = client.toLowerCase();
  const range = rangeOfWord(client);
  for (const shadow of shadows) {
    const found = shadow.all ?? shadow.words.get(word) ??
      (range === undefined ? ruleForDomain(shadow, word) : ruleForRange(shadow, range));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The rule for a domain that holds a name or a smaller domain. */
function ruleForDomain<Rule>({ words }: Shadow<Rule>, word: string): Rule | undefined {
  if (!/^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(word)) return undefined;
  for (let dot = word.indexOf(".", 1); dot > 0; dot = word.indexOf(".", dot + 1)) {
    const found = words.get(word.slice(dot));
    if (found !== undefined) return found;
  }
  return undefined;
}

function ruleForRange<Rule>({ nets }: Shadow<Rule>, range: AddressRange): Rule | undefined {
  for (const { family, length, byBits } of nets.values()) {
    if (family !== range.family || length > range.length) continue;
    const found = byBits.get(firstBits(range, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Addresses that have their first bits in common. */
interface AddressRange {
  readonly family: 4 | 6;
  /** The number of these bits. */
  readonly length: number;
  /** The bits; a bigint is slow, so IPv4 has none. */
  readonly bits: number | bigint;
}

function firstBits({ bits, length }: AddressRange, count: number): number | bigint {
  return typeof bits === "bigint"
    ? bits >> BigInt(length - count)
    : Math.floor(bits / 2 ** (length - count));
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
