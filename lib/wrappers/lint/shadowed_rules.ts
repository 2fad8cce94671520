/**
 * Shadowed rules: rules that never decide, since earlier rules match all that they match.
 *
 * For each word of a rule an index finds the earlier rule with ALL, the same word, a domain that the
 * word ends in, or a net that contains it. Other overlaps are ignored: each rule that is reported is
 * shadowed, but not each that is shadowed is reported.
 */
import type { AddressRange, ClientScope } from "./client_scope.ts";

/** What a rule matches. */
export interface RuleScope {
  /** The words of its daemon list up to the first EXCEPT, in small letters. */
  readonly daemons: readonly string[];
  /** Those of its client list. */
  readonly clients: readonly ClientScope[];
  /** Whether one of its lists excepts something. */
  readonly excepts: boolean;
}

/** The clients that some rules match, by the daemon, and the first rule that matches them. */
export type RuleIndex<Rule> = Map<string, Shadow<Rule> | OnlyRule<Rule>>;

/** The one rule for a daemon so far: a list may name each daemon once, a hundred thousand of them. */
interface OnlyRule<Rule> {
  readonly only: Rule;
  readonly clients: readonly ClientScope[];
}

/** The clients that earlier rules match for one daemon, and the first rule that matches them. */
interface Shadow<Rule> {
  all: Rule | undefined;
  /** By the word in small letters, ranges of addresses apart. */
  words: Map<string, Rule> | undefined;
  readonly nets: NetsOfLength<Rule>[];
}

interface NetsOfLength<Rule> {
  readonly family: 4 | 6;
  readonly length: number;
  readonly byBits: Map<number | bigint, Rule>;
}

/** Rules with more daemons times clients than this are left out. */
const MOST_PAIRS = 4096;

/** Adds a rule to an index. */
export function addToIndex<Rule>(
  index: RuleIndex<Rule>,
  rule: Rule,
  { daemons, clients, excepts }: RuleScope,
): void {
  if (excepts || daemons.length * clients.length > MOST_PAIRS) return;
  for (const daemon of daemons) {
    const shadow = shadowFor(index, daemon);
    if (shadow === undefined) index.set(daemon, { only: rule, clients });
    else for (const client of clients) addClient(shadow, client, rule);
  }
}

/** What earlier rules for a daemon match; undefined where there are none. */
function shadowFor<Rule>(index: RuleIndex<Rule>, daemon: string): Shadow<Rule> | undefined {
  const found = index.get(daemon);
  if (found === undefined || !("only" in found)) return found;
  const shadow: Shadow<Rule> = { all: undefined, words: undefined, nets: [] };
  for (const client of found.clients) addClient(shadow, client, found.only);
  index.set(daemon, shadow);
  return shadow;
}

function addClient<Rule>(shadow: Shadow<Rule>, client: ClientScope, rule: Rule): void {
  if (client === "all") shadow.all ??= rule;
  else if (typeof client === "string") {
    const words = shadow.words ??= new Map();
    if (!words.has(client)) words.set(client, rule);
  } else {
    const { family, length, bits } = client;
    let nets = shadow.nets.find((nets) => nets.length === length && nets.family === family);
    if (nets === undefined) shadow.nets.push(nets = { family, length, byBits: new Map() });
    if (!nets.byBits.has(bits)) nets.byBits.set(bits, rule);
  }
}

/** The rules of some indexes that together match all of `scope`, each once, or undefined. */
export function shadowing<Rule>(
  indexes: readonly RuleIndex<Rule>[],
  { daemons, clients }: RuleScope,
): ReadonlySet<Rule> | undefined {
  if (daemons.length * clients.length > MOST_PAIRS) return undefined;
  let rules: Set<Rule> | undefined;
  for (const daemon of daemons) {
    const shadows = shadowsOf(indexes, daemon);
    if (shadows.length === 0) return undefined;
    for (const client of clients) {
      const rule = ruleFor(shadows, client);
      if (rule === undefined) return undefined;
      (rules ??= new Set()).add(rule);
    }
  }
  return rules;
}

function shadowsOf<Rule>(indexes: readonly RuleIndex<Rule>[], daemon: string): Shadow<Rule>[] {
  const found: Shadow<Rule>[] = [];
  const at = daemon.indexOf("@", 1);
  for (const index of indexes) {
    if (index.size === 0) continue;
    const shadows = [shadowFor(index, daemon), shadowFor(index, "all")];
    if (at >= 0) shadows.push(shadowFor(index, daemon.slice(0, at)));
    for (const shadow of shadows) if (shadow !== undefined) found.push(shadow);
  }
  return found;
}

/** The earlier rule for a word of a client list. */
function ruleFor<Rule>(shadows: readonly Shadow<Rule>[], client: ClientScope): Rule | undefined {
  for (const shadow of shadows) {
    const found = shadow.all ??
      (typeof client === "string"
        ? shadow.words?.get(client) ?? ruleForDomain(shadow, client)
        : ruleForRange(shadow, client));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The rule for a domain that holds a name or a smaller domain. */
function ruleForDomain<Rule>({ words }: Shadow<Rule>, word: string): Rule | undefined {
  if (words === undefined || !/^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(word)) return undefined;
  for (let dot = word.indexOf(".", 1); dot > 0; dot = word.indexOf(".", dot + 1)) {
    const found = words.get(word.slice(dot));
    if (found !== undefined) return found;
  }
  return undefined;
}

function ruleForRange<Rule>({ nets }: Shadow<Rule>, range: AddressRange): Rule | undefined {
  for (const { family, length, byBits } of nets) {
    if (family !== range.family || length > range.length) continue;
    const found = byBits.get(firstBits(range, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstBits({ bits, length }: AddressRange, count: number): number | bigint {
  return typeof bits === "bigint"
    ? bits >> BigInt(length - count)
    : Math.floor(bits / 2 ** (length - count));
}
