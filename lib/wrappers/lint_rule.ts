/**
 * Checks of one rule: its lists, its options, and what it comes to among the others.
 */
import { wantsName } from "./explain.ts";
import type { TableName } from "./find_rule.ts";
import { lintDaemonNames } from "./lint_daemon_names.ts";
import {
  type Complaint,
  complaint,
  type LintFinding,
  type Piece,
  type Report,
  type Severity,
} from "./lint_finding.ts";
import { bareIpv6At, commentBehindRule, indentedComment, unbalanced } from "./lint_line.ts";
import { lintClients, lintDaemons, piecesOf } from "./lint_list.ts";
import { lintOptions, NOBODY, type OptionSurroundings, userLookup } from "./lint_options.ts";
import { lintPatternFile, type PatternFiles } from "./lint_pattern_file.ts";
import type { Policy } from "./lint_policy.ts";
import { type FileReader, isExcept, matchDaemon, type Matching, matchList } from "./match_list.ts";
import { type HostPattern, parseClientPattern } from "./pattern.ts";
import type { Rule } from "./table.ts";

/** What the checks ask of the host. */
export interface LintSurroundings extends Pick<OptionSurroundings, "ask" | "directoryExists"> {
  /** The name that this agent has in the tables; `nrpe` where it is left out. */
  readonly agent?: string;
  /** The names that daemons of this host go by, in small letters; only called where a name is not this agent's. */
  readonly services: () => ReadonlySet<string>;
  /** Looks a host name up and tells what is wrong with it; absent unless lookups are wanted. */
  readonly checkName?: (name: string) => Complaint | undefined;
}

/** What the checks of one table share. */
export interface TableLint {
  readonly table: TableName;
  readonly path: string;
  readonly text: string;
  readonly surroundings: LintSurroundings;
  readonly policy: Policy;
  readonly files: PatternFiles;
  /** Complaints that are made once a table, by their codes, and daemon and host names seen. */
  readonly once: Set<string>;
  readonly findings: LintFinding[];
  /** How many findings of each code there are. */
  readonly counts: Map<string, { severity: Severity; count: number }>;
}

/** Whether this is the first time that `key` comes up in the table. */
export function first(lint: TableLint, key: string): boolean {
  if (lint.once.has(key)) return false;
  lint.once.add(key);
  return true;
}

/** A rule, with all that its checks share. */
interface RuleLint {
  readonly text: string;
  readonly line: number;
  readonly rule: Extract<Rule, { readonly kind: "rule" }>;
  readonly daemons: readonly Piece[];
  readonly clients: readonly Piece[];
  readonly report: Report;
}

export function lintRule(
  lint: TableLint,
  { text, line, rule, report }: Omit<RuleLint, "daemons" | "clients">,
) {
  const daemons = piecesOf(rule.daemons, 0);
  const clients = piecesOf(rule.clients, rule.daemons.length + 1);
  const found: RuleLint = { text, line, rule, daemons, clients, report };
  const misread = misreadFrom(found);
  if (misread !== undefined) {
    // What stands before is what it seems to be.
    return lintClients(clients.filter(({ at }) => at < misread), report);
  }

  lintDaemons(daemons, report);
  const bad = new Map<number, number>();
  lintClients(clients, (found, at, length) => {
    if (found.severity === "error" && !MAY_STILL_MATCH.has(found.code)) bad.set(at, length);
    report(found, at, length);
  });
  const sound = clients.filter(({ text, at }) => bad.get(at) !== text.length);
  const { ask, directoryExists, agent = NOBODY.daemon } = lint.surroundings;
  lintDaemonNames(
    daemons,
    lint.surroundings.services,
    (name) => first(lint, `daemon ${name}`),
    agent,
    report,
  );
  for (const piece of sound) lintFileAndName(lint, piece, report);
  const outcome = lintOptions(
    rule.options,
    rule.daemons.length + rule.clients.length + 2,
    { ask, directoryExists, table: lint.table, forAgent: isForAgent(daemons, agent) },
    report,
  );
  lint.policy.take({
    table: lint.table,
    file: lint.path,
    line,
    daemons,
    clients: sound,
    outcome,
    report,
  });
}

/** Errors of words that match somebody, if not whom they should. */
const MAY_STILL_MATCH: ReadonlySet<string> = new Set([
  ...["empty-net-length", "unknown-wildcard", "wildcard-not-for-users", "bad-user"],
  ...["except-at-start", "except-at-end", "except-twice"],
]);

/**
 * Where the text of a rule ceases to be what it seems to be, so that no more can be said of it; the
 * reason is reported.
 */
function misreadFrom({ text, rule, daemons, clients, report }: RuleLint): number | undefined {
  const indented = indentedComment(text, true);
  if (indented !== undefined) {
    report(indented, text.indexOf("#"), text.trim().length);
    return 0;
  }
  const clientsAt = rule.daemons.length + 1;
  const bare = bareIpv6At(text, daemons.findLast((word) => word.text.includes("@"))?.at) ??
    bareIpv6At(text, clients.at(-1)?.at ?? clientsAt + /^[ \t]*/.exec(rule.clients)![0].length);
  if (bare !== undefined) {
    report(bare.complaint, bare.at, bare.text.length);
    return bare.at;
  }
  const comment = [...daemons, ...clients].find((word) => word.text.startsWith("#"));
  if (comment !== undefined) {
    report(
      commentBehindRule(text.slice(comment.at + 1), rule.options !== undefined),
      comment.at,
      text.length - comment.at,
    );
    return comment.at;
  }
  const unbalancedWord = unbalancedIn(clients);
  if (unbalancedWord !== undefined) {
    report(unbalanced("they end no list"), unbalancedWord.at, unbalancedWord.text.length);
    return unbalancedWord.at;
  }
  if (daemons.length === 0) report(EMPTY_DAEMONS, 0, Math.max(1, rule.daemons.length));
  else if (clients.length === 0) report(EMPTY_CLIENTS, clientsAt - 1, 1);
  else return undefined;
  return 0;
}

const EMPTY_DAEMONS = complaint(
  "error",
  "empty-list",
  "no daemon stands before the colon, so this rule matches nothing",
  "write ALL or the names of daemons",
);

const EMPTY_CLIENTS = complaint(
  "error",
  "empty-list",
  "no client stands behind the colon, so this rule matches nobody",
  "write ALL or the clients that are meant",
);

function unbalancedIn(words: readonly Piece[]): Piece | undefined {
  const count = (bracket: string) =>
    words.reduce((sum, { text }) => sum + text.split(bracket).length - 1, 0);
  return count("[") === count("]")
    ? undefined
    : words.find(({ text }) => text.split("[").length !== text.split("]").length);
}

/** Whether this agent is among the daemons of a list, at whichever of its addresses. */
function isForAgent(daemons: readonly Piece[], agent: string): boolean {
  const request = { ...NOBODY, daemon: agent };
  const matching: Matching = { request, read: NO_FILE, warn: () => {} };
  const names = daemons.map(({ text }) => text.replace(/(?<=.)@.*$/s, ""));
  return matchList(names, (word) => matchDaemon(word, matching)) === true;
}

const NO_FILE: FileReader = () => ({ kind: "missing" });

function lintFileAndName(lint: TableLint, { text, at }: Piece, report: Report): void {
  if (isExcept(text)) return;
  const { host, user } = parseClientPattern(text);
  if (user !== undefined && first(lint, "user")) report(userLookup(), at, text.length);
  if (host.kind === "file" && !/^\/[0-9.]*$/.test(host.path)) {
    const start = at + text.length - host.path.length;
    lintPatternFile(
      host.path,
      lint.files,
      (found, offset, length) => report(found, start + offset, length),
    );
  }
  if (!wantsName(text)) return;
  if (first(lint, "name")) report(NAME_LOOKUP[lint.table], at, text.length);
  if (lint.surroundings.checkName === undefined || !isHostName(host)) return;
  const name = host.text.text;
  if (!first(lint, `host ${name.toLowerCase()}`)) return;
  const found = lint.surroundings.checkName(name);
  if (found !== undefined) report(found, at + text.length - name.length, name.length);
}

/** Whether a pattern is one host's name and not a word of the language. */
function isHostName(host: HostPattern): host is Extract<HostPattern, { readonly kind: "text" }> {
  return host.kind === "text" && host.text.kind === "exact" &&
    /^[\w-]+(\.[\w-]+)*$/.test(host.text.text) && !/^(unknown|paranoid)$/i.test(host.text.text);
}

const NAME_LOOKUP: Readonly<Record<TableName, Complaint>> = {
  allow: complaint(
    "hint",
    "name-lookup",
    "this table needs the names of clients: while a name server is slow or gone, each check waits " +
      "and whoever comes to these rules is refused",
    "give addresses or nets as well; --lookup checks the names",
  ),
  deny: complaint(
    "hint",
    "name-lookup",
    "this table needs the names of clients: while a name server is slow or gone, each check waits " +
      "and whoever comes to these rules is refused; tcpd lets them in",
    "deny ALL and grant by address; --lookup checks the names",
  ),
};
