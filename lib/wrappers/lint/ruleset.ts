/**
 * Checks of all rules together: rules that never decide, and grants without a denial.
 */
import type { TableName } from "../find_rule.ts";
import { isExcept } from "../match_list.ts";
import { type ClientScope, clientScope } from "./client_scope.ts";
import { makeDenials } from "./denials.ts";
import { about, type Piece, type Problem, problem, type ReportAt } from "./finding.ts";
import { partsOf } from "./list.ts";
import type { RuleEffect } from "./options.ts";
import { addToIndex, type RuleIndex, type RuleScope, shadowing } from "./shadowed_rules.ts";

/** A rule whose lists and options have been checked. */
export interface CheckedRule extends RuleEffect {
  readonly table: TableName;
  readonly file: string;
  readonly line: number;
  readonly daemons: readonly Piece[];
  /** The words of the client list that can match. */
  readonly clients: readonly Piece[];
  readonly options: string | undefined;
  /** Whether `clients` are all that can match; else nothing is said about the rule's place. */
  readonly isWhole: boolean;
  /** Reports about its line, also later. */
  readonly report: ReportAt;
}

/** The rules of both tables, in the order in which they are searched. */
export interface Ruleset {
  /** Adds a rule; returns whether an earlier one decides about all its clients. */
  readonly add: (rule: CheckedRule) => boolean;
  /** Notes that a rule of hosts.deny denies clients that cannot be told. */
  readonly denySome: (daemons: readonly Piece[]) => void;
  /** Notes that hosts.deny denies each client that no rule matches. */
  readonly denyTheRest: () => void;
  /** Reports what depends on all the rules. */
  readonly finish: () => void;
}

/** A grant that may turn out to change nothing. */
interface PlainGrant {
  readonly daemon: Piece;
  readonly clients: readonly ClientScope[];
  readonly report: ReportAt;
}

/** Makes an empty ruleset. */
export function makeRuleset(): Ruleset {
  /** Rules of hosts.allow after which hosts.deny is not searched, and the others. */
  const final: RuleIndex<CheckedRule> = new Map();
  const passing: RuleIndex<CheckedRule> = new Map();
  const denying: RuleIndex<CheckedRule> = new Map();
  const before = { allow: [final, passing], deny: [denying, final] };
  /** The grants to some clients that do nothing else, by the daemon's name. */
  const granted = new Map<string | undefined, PlainGrant[]>();
  const denials = makeDenials();
  const allowAll = makeAllowAllFirst();
  // hosts.deny is the last: what it denies to daemons without a grant is not asked about.
  const mayMatter = (table: TableName, name: string | undefined) =>
    table === "allow" || granted.has(undefined) || granted.has(name) ||
    name === undefined && granted.size > 0;
  return {
    add(rule) {
      const { table, outcome, daemons, clients, report } = rule;
      const scope = scopeOf(rule);
      allowAll.add(rule, scope);
      const by = rule.isWhole ? shadowing(before[table], scope) : undefined;
      if (by !== undefined && !allowAll.explains(rule, by)) {
        const { at, length } = spanOf(daemons, clients);
        report(shadowed(rule, by), at, length);
      }
      const index = table === "deny" ? denying : outcome === "searches on" ? passing : final;
      addToIndex(index, rule, scope);

      // A rule that does more than grant makes a difference for the clients that come before it.
      if (outcome !== "grants" || rule.doesMore) {
        const clients = isLarge(scope) ? undefined : scope.clients;
        for (const daemon of daemons) {
          const name = nameIn(daemon);
          if (mayMatter(table, name)) denials.add(name, clients);
        }
      } else if (table === "allow" && by === undefined && isForSome(scope) && !isLarge(scope)) {
        for (const daemon of daemons.slice(0, scope.daemons.length)) {
          const name = nameIn(daemon);
          const grants = granted.get(name) ?? [];
          granted.set(name, grants);
          grants.push({ daemon, clients: scope.clients, report });
        }
      }
      return by !== undefined;
    },
    denySome(daemons) {
      for (const daemon of daemons) denials.add(nameIn(daemon), undefined);
    },
    denyTheRest: () => denials.add(undefined, undefined),
    finish() {
      allowAll.finish();
      for (const [name, grants] of granted) {
        const mayReach = denials.reaching(name);
        const vain = grants.find(({ clients }) => !mayReach(clients));
        if (vain === undefined) continue;
        const { daemon, report } = vain;
        const kind = denials.concern(name)
          ? "clients"
          : daemon.text.toLowerCase() === "all"
          ? "all"
          : "daemon";
        about(daemon, report)(`nothing-denies/${kind}`, { daemon: daemon.text });
      }
    },
  };
}

/** Rules with more daemons times clients than this are not compared with denials one by one. */
const MOST_PAIRS = 512;

function isLarge({ daemons, clients }: RuleScope): boolean {
  return daemons.length * clients.length > MOST_PAIRS;
}

/** Whether a rule matches some clients only, and any at all. */
function isForSome({ clients }: RuleScope): boolean {
  return clients.length > 0 && !clients.includes("all");
}

function scopeOf({ daemons, clients }: CheckedRule): RuleScope {
  const before = (pieces: readonly Piece[]) => {
    const end = pieces.findIndex(({ text }) => isExcept(text));
    return end < 0 ? pieces : pieces.slice(0, end);
  };
  const [named, matched] = [before(daemons), before(clients)];
  return {
    daemons: named.map(({ text }) => text.toLowerCase()),
    clients: matched.map(({ text }) => clientScope(text)),
    excepts: named.length + matched.length < daemons.length + clients.length,
  };
}

/**
 * The name of one daemon in a word of a daemon list, in small letters and without its server;
 * undefined if the word may be about any daemon.
 */
function nameIn(daemon: Piece): string | undefined {
  if (isExcept(daemon.text)) return undefined;
  const name = partsOf(daemon).before.text.toLowerCase();
  const isPlain = name !== "all" && /^[\w.-]*[\w-]$/.test(name) && !/^\.|^\d+$/.test(name);
  return isPlain ? name : undefined;
}

/**
 * Finds a hosts.allow whose first rule is FreeBSD's `ALL : ALL : allow`, which is there to be removed.
 */
function makeAllowAllFirst() {
  let rules = 0;
  let first: CheckedRule | undefined;
  return {
    add(rule: CheckedRule, { daemons, clients, excepts }: RuleScope): void {
      if (rule.table !== "allow" || ++rules > 1) return;
      const isAll = daemons.includes("all") && clients.includes("all") && !excepts;
      if (isAll && rule.outcome === "grants" && rule.options !== undefined) first = rule;
    },
    /** Whether a rule of hosts.allow never decides for that reason. */
    explains: ({ table }: CheckedRule, by: ReadonlySet<CheckedRule>): boolean =>
      table === "allow" && first !== undefined && by.has(first),
    finish(): void {
      if (first === undefined || rules === 1) return;
      const { at, length } = spanOf(first.daemons, first.clients);
      first.report(problem("allow-all-first", { count: rules - 1 }), at, length);
    },
  };
}

/** From the first daemon to the last client. */
function spanOf(daemons: readonly Piece[], clients: readonly Piece[]) {
  const { at } = daemons[0]!;
  const last = clients.at(-1)!;
  return { at, length: last.at + last.text.length - at };
}

/** What is wrong with a rule of which others match all before it. */
function shadowed(rule: CheckedRule, others: ReadonlySet<CheckedRule>): Problem {
  const rules = [...others].sort((one, other) =>
    one.table === other.table ? one.line - other.line : one.table === "allow" ? -1 : 1
  );
  const [first] = rules as [CheckedRule];
  const { file, line } = first;
  const by = placesOf(rules, rule.file);
  const place = file === rule.file ? "same-file" : "other-file";
  if (rule.outcome === "denies" && rules.every(({ outcome }) => outcome === "grants")) {
    return rule.table === "allow"
      ? problem("deny-never-reached/allow", { by, line })
      : problem(`deny-never-reached/${place}`, { by, file, line });
  }
  if (place === "other-file") return problem("unreachable-rule/other-file", { by });
  if (rules.length === 1 && isSame(rule, first)) {
    return problem("unreachable-rule/duplicate", { line });
  }
  const isVain = [rule, ...rules].every(({ outcome, doesMore }) =>
    outcome === first.outcome && !doesMore
  );
  return isVain
    ? problem("unreachable-rule/same-verdict", { by })
    : problem("unreachable-rule/same-file", { by, line });
}

/** The rules as `line 3 and line 7`, with the file where it is another one. */
function placesOf(rules: readonly CheckedRule[], here: string): string {
  const places = rules.map(({ file, line }) => `${file === here ? "" : `${file} `}line ${line}`);
  return places.length > 3
    ? `${places.slice(0, 2).join(", ")} and ${places.length - 2} more`
    : places.join(" and ");
}

/** Whether two rules have the same lists and options. */
function isSame(one: CheckedRule, other: CheckedRule): boolean {
  return wordsOf(one.daemons) === wordsOf(other.daemons) &&
    wordsOf(one.clients) === wordsOf(other.clients) &&
    one.options?.trim() === other.options?.trim();
}

function wordsOf(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text.toLowerCase()).join(" ");
}
