/**
 * Checks of all rules together: rules that never decide, and grants without a denial.
 */
import type { TableName } from "../find_rule.ts";
import { isExcept } from "../match_list.ts";
import { about, type Piece, type Problem, problem, type Report, type ReportAt } from "./finding.ts";
import { partsOf } from "./list.ts";
import type { RuleOutcome } from "./options.ts";
import { isEveryClient, makeEarlierRules, type RuleScope } from "./shadowed_rules.ts";

/** A rule whose lists and options have been checked. */
interface CheckedRule {
  readonly table: TableName;
  readonly file: string;
  readonly line: number;
  readonly daemons: readonly Piece[];
  /** The words of the client list that can match. */
  readonly clients: readonly Piece[];
  readonly outcome: RuleOutcome;
  /** Reports about its line, also later. */
  readonly report: ReportAt;
}

/** The rules of both tables, in the order in which they are searched. */
export interface Ruleset {
  readonly add: (rule: CheckedRule) => void;
  /** Notes that hosts.deny denies each client that no rule matches. */
  readonly denyTheRest: () => void;
  /** Reports what depends on all the rules. */
  readonly finish: () => void;
}

/** Makes an empty ruleset. */
export function makeRuleset(): Ruleset {
  const earlier = { allow: makeEarlierRules<CheckedRule>(), deny: makeEarlierRules<CheckedRule>() };
  /** The rules of hosts.allow after which hosts.deny is not searched. */
  const final = makeEarlierRules<CheckedRule>();
  /** The first grant to some clients, by the daemon's name in small letters. */
  const granted = new Map<string, { readonly daemon: string; readonly report: Report }>();
  const denied = new Set<string>();
  let deniesTheRest = false;
  return {
    add(rule) {
      const { table, outcome, daemons, clients, report } = rule;
      const scope = scopeOf(rule);
      const by = earlier[table].shadowing(scope) ??
        (table === "deny" ? final.shadowing(scope) : undefined);
      if (by !== undefined) {
        const { at } = daemons[0]!;
        const last = clients.at(-1)!;
        report(shadowed(rule, by), at, last.at + last.text.length - at);
      }
      earlier[table].add(rule, scope);
      if (table === "allow" && outcome !== "searches on") final.add(rule, scope);

      if (outcome !== "grants") {
        for (const daemon of daemons) denied.add(deniedBy(daemon));
      } else if (table === "allow" && clients.length > 0 && !scope.clients.some(isEveryClient)) {
        for (const daemon of daemons.slice(0, scope.daemons.length)) {
          const name = daemonNameIn(daemon);
          if (granted.has(name)) continue;
          granted.set(name, { daemon: daemon.text, report: about(daemon, report) });
        }
      }
    },
    denyTheRest: () => void (deniesTheRest = true),
    finish() {
      if (deniesTheRest || denied.has(EVERY_DAEMON)) return;
      for (const [name, { daemon, report }] of granted) {
        if (isPlainName(name) ? denied.has(name) : denied.size > 0) continue;
        report(`nothing-denies/${daemon.toLowerCase() === "all" ? "all" : "daemon"}`, { daemon });
      }
    },
  };
}

function scopeOf({ daemons, clients }: CheckedRule): RuleScope {
  const texts = (pieces: readonly Piece[]) => {
    const end = pieces.findIndex(({ text }) => isExcept(text));
    return pieces.slice(0, end < 0 ? undefined : end).map(({ text }) => text);
  };
  const scope = { daemons: texts(daemons), clients: texts(clients) };
  const excepts = scope.daemons.length + scope.clients.length < daemons.length + clients.length;
  return { ...scope, excepts };
}

/** The key of a word of a daemon list that is not a plain name. */
const EVERY_DAEMON = "";

function deniedBy(daemon: Piece): string {
  const name = daemonNameIn(daemon);
  return isExcept(daemon.text) || !isPlainName(name) ? EVERY_DAEMON : name;
}

/** Whether a word in small letters names one daemon. */
function isPlainName(name: string): boolean {
  return name !== "all" && /^[\w.-]*[\w-]$/.test(name) && !name.startsWith(".");
}

/** The name in a word of a daemon list, in small letters, without its server. */
function daemonNameIn(daemon: Piece): string {
  return partsOf(daemon).before.text.toLowerCase();
}

function shadowed(rule: CheckedRule, by: CheckedRule): Problem {
  const { file, line } = by;
  const place = file === rule.file ? "same-file" : "other-file";
  if (rule.outcome !== "denies" || by.outcome !== "grants") {
    return problem(`unreachable-rule/${place}`, { file, line });
  }
  return rule.table === "allow"
    ? problem("deny-never-reached/allow", { line })
    : problem(`deny-never-reached/${place}`, { file, line });
}
