/**
 * What the rules come to together: rules that never decide, and grants that nothing else denies.
 */
import { type Complaint, complaint, type Piece, type Report } from "./finding.ts";
import type { Outcome } from "./options.ts";
import { makeReach, type ReachRule } from "./shadowed_rules.ts";
import { isExcept } from "../match_list.ts";
import type { TableName } from "../find_rule.ts";

/** A rule whose words and options were read. */
export interface PolicyRule {
  readonly table: TableName;
  readonly file: string;
  readonly line: number;
  readonly daemons: readonly Piece[];
  /** The words of the client list that something can match. */
  readonly clients: readonly Piece[];
  readonly outcome: Outcome;
  /** Takes complaints about its line, also when the tables have been read to their ends. */
  readonly report: Report;
}

/** The rules of both tables, in the order in which they are searched. */
export interface Policy {
  readonly take: (rule: PolicyRule) => void;
  /** hosts.deny denies whoever comes to its end. */
  readonly deniesAll: () => void;
  /** Complains about what only shows when all rules are known. */
  readonly finish: () => void;
}

/** Begins with no rule. */
export function makePolicy(): Policy {
  const reach = { allow: makeReach(), deny: makeReach() };
  /** The rules of hosts.allow behind which hosts.deny is never asked. */
  const final = makeReach();
  const granted = new Map<string, { readonly report: Report; readonly at: Piece }>();
  const denied = new Set<string>();
  let deniesEverything = false;
  return {
    take(rule) {
      const reachRule = reachRuleOf(rule);
      const cover = reach[rule.table].coverOf(reachRule) ??
        (rule.table === "deny" ? final.coverOf(reachRule) : undefined);
      if (cover !== undefined) {
        const { at, text } = rule.daemons[0]!;
        const last = rule.clients.at(-1)!;
        rule.report(neverReached(rule, cover), at, last.at + last.text.length - at || text.length);
      }
      reach[rule.table].add(reachRule);
      if (rule.table === "allow" && rule.outcome !== "searches on") final.add(reachRule);

      if (rule.outcome !== "grants") {
        for (const name of deniedBy(rule)) denied.add(name);
      } else if (
        rule.table === "allow" && rule.clients.length > 0 && !reachRule.clients.some(isEveryone)
      ) {
        for (const piece of rule.daemons.slice(0, reachRule.daemons.length)) {
          const name = nameOf(piece.text);
          if (!granted.has(name)) granted.set(name, { report: rule.report, at: piece });
        }
      }
    },
    deniesAll: () => void (deniesEverything = true),
    finish() {
      if (deniesEverything || denied.has(EVERY_DAEMON)) return;
      for (const [name, { report, at }] of granted) {
        const isDenied = isPlainName(name) ? denied.has(name) : denied.size > 0;
        if (!isDenied) report(nothingDenies(at.text), at.at, at.text.length);
      }
    },
  };
}

function reachRuleOf({ file, line, daemons, clients, outcome }: PolicyRule): ReachRule {
  const daemonEnd = daemons.findIndex(({ text }) => isExcept(text));
  const clientEnd = clients.findIndex(({ text }) => isExcept(text));
  const texts = (pieces: readonly Piece[], end: number) =>
    pieces.slice(0, end < 0 ? undefined : end).map(({ text }) => text);
  return {
    file,
    line,
    daemons: texts(daemons, daemonEnd),
    clients: texts(clients, clientEnd),
    excepts: daemonEnd >= 0 || clientEnd >= 0,
    outcome,
  };
}

function isEveryone(word: string): boolean {
  return word.toLowerCase() === "all" || word === "*";
}

/** What stands for a daemon list that more than names stand in. */
const EVERY_DAEMON = "";

function deniedBy({ daemons }: PolicyRule): readonly string[] {
  return daemons.map(({ text }) => {
    const name = nameOf(text);
    return isExcept(text) || !isPlainName(name) ? EVERY_DAEMON : name;
  });
}

/** Whether a word in small letters names one daemon and no more. */
function isPlainName(name: string): boolean {
  return name !== "all" && /^[\w.-]*[\w-]$/.test(name) && !name.startsWith(".");
}

function nameOf(word: string): string {
  return word.replace(/(?<=.)@.*$/s, "").toLowerCase();
}

function neverReached(rule: PolicyRule, cover: ReachRule): Complaint {
  const by = cover.file === rule.file
    ? `line ${cover.line} matches`
    : `${cover.file} line ${cover.line} matches`;
  const denies = rule.outcome === "denies";
  if (denies && cover.outcome === "grants") {
    return complaint(
      rule.table === "allow" ? "error" : "warning",
      "deny-never-reached",
      `this denies nobody: ${by} all of it before, and grants`,
      cover.file === rule.file
        ? `move it before line ${cover.line}`
        : `deny it in ${cover.file} before line ${cover.line}, with : deny`,
    );
  }
  return complaint(
    "warning",
    "unreachable-rule",
    `this rule never decides: ${by} all of it before`,
    cover.file === rule.file ? `take it out, or move it before line ${cover.line}` : "take it out",
  );
}

function nothingDenies(daemon: string): Complaint {
  return complaint(
    "warning",
    "nothing-denies",
    `whoever no rule matches gets in, and no rule denies ${
      daemon.toLowerCase() === "all" ? "anyone" : `${daemon} to others`
    }: this grant changes nothing`,
    `write ${daemon}: ALL into hosts.deny`,
  );
}
