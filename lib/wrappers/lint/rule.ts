/**
 * Checks of one rule: its lists, its options, and its place among the other rules.
 */
import { needsName } from "../explain.ts";
import type { TableName } from "../find_rule.ts";
import { type FileReader, isExcept, matchDaemon, type Matching, matchList } from "../match_list.ts";
import { type HostPattern, parseClientPattern } from "../pattern.ts";
import type { Rule } from "../table.ts";
import type { Code } from "./catalogue.ts";
import { clientScope, plainAddress } from "./client_scope.ts";
import { lintDaemonNames } from "./daemon_names.ts";
import { about, type Piece, problem, type ReportAt } from "./finding.ts";
import { isLoneMask } from "./host.ts";
import type { HostQueries } from "./host_queries.ts";
import {
  bareIpv6At,
  bareIpv6Line,
  indentedComment,
  missingColon,
  trailingComment,
} from "./line.ts";
import { lintClients, lintDaemons, lintExcept, partsOf, piecesOf } from "./list.ts";
import { lintOptions, UNKNOWN_CLIENT } from "./options.ts";
import { lintPatternFile, type PatternFiles } from "./pattern_file.ts";
import { placeholdersIn } from "./placeholder.ts";
import type { Ruleset } from "./ruleset.ts";

/** What the checks of a table's rules have in common. */
export interface RuleContext {
  readonly table: TableName;
  readonly path: string;
  readonly host: HostQueries;
  readonly ruleset: Ruleset;
  readonly files: PatternFiles;
  /** Whether `key` is new in this table. */
  readonly isFirst: (key: string) => boolean;
  /** Whether the name of a daemon is new in this table. */
  readonly isNewDaemon: (name: string) => boolean;
  /** Whether another name may be compared with all known ones, which takes time. */
  readonly mayCompare: () => boolean;
  /** Daemon lists that nothing is wrong with: whether each is for this agent. */
  readonly soundDaemons: Map<string, boolean>;
}

/** A rule and its line. */
interface WrittenRule {
  readonly text: string;
  readonly line: number;
  readonly rule: Extract<Rule, { readonly kind: "rule" }>;
}

/** Checks a rule. */
export function lintRule(context: RuleContext, written: WrittenRule, report: ReportAt): void {
  const { rule } = written;
  const daemons = piecesOf(rule.daemons, 0);
  const clients = piecesOf(rule.clients, rule.daemons.length + 1);
  const misread = misreadFrom(context.table, written, daemons, clients, report);
  if (misread !== undefined) {
    lintMisread(context, written, daemons, clients, misread, report);
    return;
  }

  const { table, path: file, host, ruleset } = context;
  const forAgent = lintDaemonList(context, rule.daemons, daemons, report);
  const aboutOptions: Parameters<ReportAt>[] = [];
  const effect = lintOptions(
    rule.options,
    rule.daemons.length + rule.clients.length + 2,
    { table, forAgent, host },
    (...found) => void aboutOptions.push(found),
  );
  const refuses = effect.outcome === "denies";
  const sound = lintClientList(rule, clients, refuses, report);
  if (sound.length < clients.length && effect.outcome !== "grants") ruleset.denySome(daemons);
  const isShadowed = ruleset.add({
    table,
    file,
    line: written.line,
    daemons,
    clients: sound,
    options: rule.options,
    outcome: effect.outcome,
    doesMore: effect.doesMore,
    isWhole: true,
    report,
  });
  // What a rule that never decides rests on cannot fail.
  const found: ReportAt = (problem, at, length) => {
    if (!isShadowed || problem.severity !== "hint") report(problem, at, length);
  };
  for (const about of aboutOptions) found(...about);
  let isExcepted = false;
  // Words after one that matches every client are not tried.
  let isSettled = isShadowed;
  for (const client of sound) {
    if (plainAddress(client.text) !== undefined) continue;
    if (isExcept(client.text)) {
      isExcepted = !isExcepted;
      isSettled = isShadowed;
    } else {
      lintFileAndName(context, client, refuses !== isExcepted, isSettled, found);
      isSettled ||= clientScope(client.text) === "all";
    }
  }
}

/** Checks a daemon list, the same one once; returns whether it names this agent. */
function lintDaemonList(
  { host: { agent, services }, isNewDaemon: isNew, mayCompare, soundDaemons }: RuleContext,
  list: string,
  daemons: readonly Piece[],
  report: ReportAt,
): boolean {
  const known = soundDaemons.get(list);
  if (known !== undefined) return known;
  let isSound = true;
  const found: ReportAt = (problem, at, length) => {
    isSound = false;
    report(problem, at, length);
  };
  const vague = placeholdersIn(list, 0, daemons);
  for (const piece of vague) about(piece, found)("placeholder/daemon");
  lintExcept(daemons, found);
  const rest = outside(vague, daemons);
  lintDaemons(rest, found);
  lintDaemonNames(rest, { agent, services, isNew, mayCompare }, found);
  const forAgent = isForDaemon(daemons, agent);
  if (isSound) soundDaemons.set(list, forAgent);
  return forAgent;
}

/**
 * Checks words of a client list; returns those that can match.
 *
 * @param refuses Whether the rule denies.
 */
function lintClientList(
  rule: WrittenRule["rule"],
  clients: readonly Piece[],
  refuses: boolean,
  report: ReportAt,
): readonly Piece[] {
  if (clients.every(({ text }) => plainAddress(text) !== undefined)) return clients;
  const vague = placeholdersIn(rule.clients, rule.daemons.length + 1, clients);
  for (const piece of vague) about(piece, report)("placeholder/client");
  const bad = new Map<number, number>();
  const found: ReportAt = (problem, at, length) => {
    if (problem.severity === "error" && !MAY_STILL_MATCH.has(problem.code)) bad.set(at, length);
    report(problem, at, length);
  };
  const divided = addressesWithCommas(rule.clients, rule.daemons.length + 1);
  for (const { piece, address } of divided) {
    about(piece, report)("comma-in-address", { address });
  }
  lintExcept(clients, found);
  const rest = outside([...vague, ...divided.map(({ piece }) => piece)], clients);
  lintClients(rest, refuses, found);
  return bad.size === 0 ? rest : rest.filter(({ text, at }) => bad.get(at) !== text.length);
}

/** IPv4 addresses with commas between their parts, and as they should be. */
function addressesWithCommas(list: string, start: number) {
  return [...list.matchAll(/(?<![^\s])([0-9]{1,3}[.,]){3}[0-9]{1,3}(?![^\s])/g)].flatMap(
    ({ index, 0: text }) => {
      const address = text.replaceAll(",", ".");
      const isMeant = text.includes(",") && plainAddress(address) !== undefined;
      return isMeant ? [{ piece: { text, at: start + index }, address }] : [];
    },
  );
}

/** The words that are not part of what was found. */
function outside(taken: readonly Piece[], words: readonly Piece[]): readonly Piece[] {
  if (taken.length === 0) return words;
  return words.filter(({ at }) =>
    !taken.some((piece) => at >= piece.at && at < piece.at + piece.text.length)
  );
}

/** Why and from which offset on a rule is not read as it was meant. */
interface Misread {
  readonly from: number;
  /** A comment leaves the words before it what they are. */
  readonly why: "comment" | "syntax";
}

/** Checks the clients before the place from which a rule is not read as it was meant. */
function lintMisread(
  { table, path: file, host, ruleset }: RuleContext,
  { line, rule }: WrittenRule,
  daemons: readonly Piece[],
  clients: readonly Piece[],
  { from, why }: Misread,
  report: ReportAt,
): void {
  const { options } = rule;
  const effect = lintOptions(options, 0, { table, forAgent: false, host }, () => {});
  const before = clients.filter(({ at }) => at < from);
  const sound = lintClientList(rule, before, effect.outcome === "denies", report);
  if (why === "syntax") {
    if (table === "deny") ruleset.denySome(daemons);
    return;
  }
  if (effect.outcome !== "grants") ruleset.denySome(daemons);
  // An EXCEPT in the comment takes clients away.
  const except = clients.findIndex(({ text, at }) => at >= from && isExcept(text));
  const excepted = except < 0 ? [] : clients.slice(except);
  ruleset.add({
    ...{ table, file, line, daemons, clients: [...sound, ...excepted], options },
    ...{ ...effect, isWhole: false, report },
  });
}

/** Errors in words that still match some clients. */
const MAY_STILL_MATCH: ReadonlySet<Code> = new Set<Code>([
  ...["empty-net-length", "unknown-wildcard", "wildcard-not-for-users", "bad-user"] as const,
  ...["except-at-start", "except-at-end", "except-twice"] as const,
]);

/** Reports why a rule is not read as it was meant, and returns from where on. */
function misreadFrom(
  table: TableName,
  { text, rule }: WrittenRule,
  daemons: readonly Piece[],
  clients: readonly Piece[],
  report: ReportAt,
): Misread | undefined {
  if (daemons.length > 0 && clients.length > 0 && !/^[ \t\r,]|[#[\]]|:[^ \t\r,]*:/.test(text)) {
    return undefined;
  }
  const syntax = (from: number): Misread => ({ from, why: "syntax" });
  const indented = indentedComment(text, "rule");
  if (indented !== undefined) {
    report(indented, text.indexOf("#"), text.trim().length);
    return syntax(0);
  }
  const noted = daemons.find((word) => word.text.startsWith("#"));
  if (noted !== undefined) {
    // The colon is in the comment.
    const before = text.slice(0, noted.at).trimEnd();
    report(missingColon(before, table), daemons[0]!.at, before.trim().length);
    return syntax(0);
  }
  const clientsAt = rule.daemons.length + 1;
  const comment = clients.find((word) => word.text.startsWith("#"));
  const bare = bareIpv6Line(text, daemons) ??
    bareIpv6At(text, daemons.findLast((word) => word.text.includes("@"))?.at) ??
    bareIpv6At(
      text.slice(0, comment?.at),
      clients.at(-1)?.at ?? clientsAt + /^[ \t]*/.exec(rule.clients)![0].length,
    );
  if (bare !== undefined) {
    report(bare.problem, bare.at, bare.text.length);
    return syntax(bare.at);
  }
  if (comment !== undefined) {
    const { at } = comment;
    const hasOptions = rule.options !== undefined;
    const isAlone = clients[0] === comment;
    report(trailingComment(text.slice(at + 1), hasOptions, isAlone), at, text.length - at);
    return { from: at, why: "comment" };
  }
  const bracket = unbalancedIn(clients);
  if (bracket !== undefined) {
    about(bracket, report)("unbalanced-bracket/clients");
    return syntax(bracket.at);
  }
  if (daemons.length === 0) report(problem("empty-list/daemons"), 0, rule.daemons.length || 1);
  else if (clients.length === 0) report(problem("empty-list/clients"), clientsAt - 1, 1);
  else return undefined;
  return syntax(0);
}

function unbalancedIn(words: readonly Piece[]): Piece | undefined {
  const count = (bracket: string) =>
    words.reduce((sum, { text }) => sum + text.split(bracket).length - 1, 0);
  return count("[") === count("]")
    ? undefined
    : words.find(({ text }) => text.split("[").length !== text.split("]").length);
}

/** Whether a daemon list names a daemon, at any address of the server. */
function isForDaemon(daemons: readonly Piece[], daemon: string): boolean {
  const request = { ...UNKNOWN_CLIENT, daemon };
  const matching: Matching = { request, read: NO_FILE, warn: () => {} };
  const names = daemons.map((word) => partsOf(word).before.text);
  return matchList(names, (word) => matchDaemon(word, matching)) === true;
}

const NO_FILE: FileReader = () => ({ kind: "missing" });

/**
 * Checks what a client pattern depends on.
 *
 * @param refuses Whether the rule refuses a client that it matches.
 * @param isSettled Whether it is not tried, since earlier words or rules decide.
 */
function lintFileAndName(
  context: RuleContext,
  client: Piece,
  refuses: boolean,
  isSettled: boolean,
  report: ReportAt,
): void {
  const { table, host, files, isFirst } = context;
  const { text, at } = client;
  const { host: pattern, user } = parseClientPattern(text);
  if (user !== undefined && !isSettled && isFirst("user")) about(client, report)("user-lookup");
  if (pattern.kind === "file" && !isLoneMask(pattern.path)) {
    const { path } = pattern;
    const piece = { text: path, at: at + text.length - path.length };
    lintPatternFile(path, files, refuses, about(piece, report));
  }
  if (!needsName(text)) return;
  if (!isSettled && isFirst("name")) {
    const isLocalhost = table === "allow" && text.toLowerCase() === "localhost";
    about(client, report)(`name-lookup/${isLocalhost ? "localhost" : table}`);
  }
  if (host.checkName === undefined || !isOneHostName(pattern)) return;
  const name = pattern.text.text;
  if (!isFirst(`host ${name.toLowerCase()}`)) return;
  const found = host.checkName(name);
  if (found !== undefined) report(found, at + text.length - name.length, name.length);
}

/** Whether a pattern is the name of one host and not a wildcard. */
function isOneHostName(host: HostPattern): host is Extract<HostPattern, { readonly kind: "text" }> {
  return host.kind === "text" && host.text.kind === "exact" &&
    /^[\w-]+(\.[\w-]+)*$/.test(host.text.text) && !/^(unknown|paranoid)$/i.test(host.text.text);
}
