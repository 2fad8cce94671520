/**
 * Checks of one rule: its lists, its options, and its place among the other rules.
 */
import { needsName } from "../explain.ts";
import type { TableName } from "../find_rule.ts";
import { type FileReader, isExcept, matchDaemon, type Matching, matchList } from "../match_list.ts";
import { type HostPattern, parseClientPattern } from "../pattern.ts";
import type { Rule } from "../table.ts";
import type { Code } from "./catalogue.ts";
import { lintDaemonNames } from "./daemon_names.ts";
import { about, type Piece, problem, type ReportAt } from "./finding.ts";
import { isLoneMask } from "./host.ts";
import type { HostQueries } from "./host_queries.ts";
import { bareIpv6At, indentedComment, trailingComment } from "./line.ts";
import { lintClients, lintDaemons, partsOf, piecesOf } from "./list.ts";
import { lintOptions, UNKNOWN_CLIENT } from "./options.ts";
import { lintPatternFile, type PatternFiles } from "./pattern_file.ts";
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
}

/** A rule and its line. */
interface WrittenRule {
  readonly text: string;
  readonly line: number;
  readonly rule: Extract<Rule, { readonly kind: "rule" }>;
}

/** Checks a rule. */
export function lintRule(context: RuleContext, written: WrittenRule, report: ReportAt): void {
  const { line, rule } = written;
  const daemons = piecesOf(rule.daemons, 0);
  const clients = piecesOf(rule.clients, rule.daemons.length + 1);
  const misread = misreadFrom(written, daemons, clients, report);
  if (misread !== undefined) {
    // The clients before that place are read as they were meant.
    return lintClients(clients.filter(({ at }) => at < misread), report);
  }

  const { table, path: file, host, ruleset, isFirst } = context;
  lintDaemons(daemons, report);
  const bad = new Map<number, number>();
  lintClients(clients, (found, at, length) => {
    if (found.severity === "error" && !MAY_STILL_MATCH.has(found.code)) bad.set(at, length);
    report(found, at, length);
  });
  const sound = clients.filter(({ text, at }) => bad.get(at) !== text.length);
  const isNew = (name: string) => isFirst(`daemon ${name}`);
  lintDaemonNames(daemons, host.agent, host.services, isNew, report);
  for (const client of sound) lintFileAndName(context, client, report);
  const start = rule.daemons.length + rule.clients.length + 2;
  const forAgent = isForDaemon(daemons, host.agent);
  const outcome = lintOptions(rule.options, start, { table, forAgent, host }, report);
  ruleset.add({ table, file, line, daemons, clients: sound, outcome, report });
}

/** Errors in words that still match some clients. */
const MAY_STILL_MATCH: ReadonlySet<Code> = new Set<Code>([
  ...["empty-net-length", "unknown-wildcard", "wildcard-not-for-users", "bad-user"] as const,
  ...["except-at-start", "except-at-end", "except-twice"] as const,
]);

/** Reports why a rule is not read as it was meant, and returns the offset from which it is not. */
function misreadFrom(
  { text, rule }: WrittenRule,
  daemons: readonly Piece[],
  clients: readonly Piece[],
  report: ReportAt,
): number | undefined {
  const indented = indentedComment(text, "rule");
  if (indented !== undefined) {
    report(indented, text.indexOf("#"), text.trim().length);
    return 0;
  }
  const clientsAt = rule.daemons.length + 1;
  const bare = bareIpv6At(text, daemons.findLast((word) => word.text.includes("@"))?.at) ??
    bareIpv6At(text, clients.at(-1)?.at ?? clientsAt + /^[ \t]*/.exec(rule.clients)![0].length);
  if (bare !== undefined) {
    report(bare.problem, bare.at, bare.text.length);
    return bare.at;
  }
  const comment = [...daemons, ...clients].find((word) => word.text.startsWith("#"));
  if (comment !== undefined) {
    const { at } = comment;
    const hasOptions = rule.options !== undefined;
    report(trailingComment(text.slice(at + 1), hasOptions), at, text.length - at);
    return at;
  }
  const bracket = unbalancedIn(clients);
  if (bracket !== undefined) {
    about(bracket, report)("unbalanced-bracket/clients");
    return bracket.at;
  }
  if (daemons.length === 0) report(problem("empty-list/daemons"), 0, rule.daemons.length || 1);
  else if (clients.length === 0) report(problem("empty-list/clients"), clientsAt - 1, 1);
  else return undefined;
  return 0;
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

function lintFileAndName(context: RuleContext, client: Piece, report: ReportAt): void {
  const { table, host, files, isFirst } = context;
  const { text, at } = client;
  if (isExcept(text)) return;
  const { host: pattern, user } = parseClientPattern(text);
  if (user !== undefined && isFirst("user")) about(client, report)("user-lookup");
  if (pattern.kind === "file" && !isLoneMask(pattern.path)) {
    const { path } = pattern;
    const piece = { text: path, at: at + text.length - path.length };
    lintPatternFile(path, files, about(piece, report));
  }
  if (!needsName(text)) return;
  if (isFirst("name")) about(client, report)(`name-lookup/${table}`);
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
