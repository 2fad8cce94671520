/**
 * The search: hosts.allow, then hosts.deny, for the first rule that matches.
 */
import {
  type FileReader,
  matchClient,
  matchDaemon,
  type Matching,
  matchList,
  type PatternTrial,
} from "./match_list.ts";
import type { Fact, Request } from "./request.ts";
import { skipperFor } from "./skip_lines.ts";
import { lineAt, listWords, parseRule, TABLE_START, type TablePlace } from "./table.ts";

/** The two tables by their paths, and how files are read. */
export interface Tables {
  readonly allow: string;
  readonly deny: string;
  readonly read: FileReader;
}

/** hosts.allow, whose rules grant, or hosts.deny, whose rules deny. */
export type TableName = "allow" | "deny";

/** A place in the search. */
export interface SearchPlace extends TablePlace {
  readonly table: TableName;
}

/** The beginning of the search. */
const SEARCH_START: SearchPlace = { table: "allow", ...TABLE_START };

/** Where the search goes on when no rule of hosts.allow matches. */
export const DENY_START: SearchPlace = { table: "deny", ...TABLE_START };

/** A rule whose daemon list and client list both match. */
export interface MatchedRule {
  readonly table: TableName;
  readonly file: string;
  /** The number of its last physical line. */
  readonly line: number;
  /** The logical line, continuation lines joined. */
  readonly text: string;
  /** The text after the second colon, or undefined. */
  readonly options: string | undefined;
}

/** A place that the search cannot pass, which denies. */
export interface Refusal {
  readonly kind: "refused";
  /**
   * `unreadable`: hosts.deny cannot be read from there on, or the system failed to read a table.
   * `undecided`: whether the rule matches depends on a question without an answer, or on a file that
   * the system failed to read.
   */
  readonly why: "unreadable" | "undecided";
  readonly table: TableName;
  readonly file: string;
  readonly line: number | undefined;
}

/** How a search ends. */
type Search =
  | { readonly kind: "rule"; readonly rule: MatchedRule }
  /** No rule matches, which grants. */
  | { readonly kind: "no rule" }
  | Refusal
  /** The search goes on at `from` once the fact is known. */
  | { readonly kind: "needs"; readonly fact: Fact; readonly from: SearchPlace };

/** A rule that was tried. */
export interface RuleTrial {
  readonly table: TableName;
  readonly line: number;
  readonly text: string;
  /** The patterns of the daemon list that were tried. */
  readonly daemons: readonly PatternTrial[];
  readonly daemonMatches: boolean;
  /** Those of the client list, which is tried only if the daemon list matches. */
  readonly clients: readonly PatternTrial[];
  readonly clientMatches: boolean;
}

/** Follows the search. A connection needs warnings alone. */
export interface SearchListener {
  readonly warning?: (table: TableName, line: number | undefined, message: string) => void;
  /** Takes each rule, in order, with the patterns that were tried; it makes the search slower. */
  readonly rule?: (trial: RuleTrial) => void;
  /**
   * Lines `first` to `last` cannot match and are skipped. A listener with `rule` but without this
   * hears of every rule.
   */
  readonly skipped?: (table: TableName, first: number, last: number) => void;
}

/** In longer tables, in bytes, lines that cannot match are skipped. */
const WORTH_SKIPPING = 8192;

/** Searches for the rule that decides. */
export function findRule(
  tables: Tables,
  request: Request,
  from: SearchPlace = SEARCH_START,
  listener: SearchListener = {},
): Search {
  if (from.table === "allow") {
    const found = searchTable(tables, request, from, listener);
    if (found.kind !== "no rule") return found;
  }
  return searchTable(tables, request, from.table === "deny" ? from : DENY_START, listener);
}

function searchTable(
  tables: Tables,
  request: Request,
  from: SearchPlace,
  listener: SearchListener,
): Search {
  const table = from.table;
  const path = tables[table];
  const file = tables.read(path);
  if (file.kind === "unreadable" || file.kind === "failed") {
    listener.warning?.(table, undefined, `cannot open: ${file.reason}`);
    if (file.kind === "unreadable") return unreadableFrom(table, path, undefined);
    // What it holds may deny, also in hosts.allow.
    return { kind: "refused", why: "unreadable", table, file: path, line: undefined };
  }
  if (file.kind !== "text") return { kind: "no rule" };

  const maySkip = file.text.length - from.offset > WORTH_SKIPPING &&
    (listener.rule === undefined || listener.skipped !== undefined);
  const skip = maySkip ? (file.skipper?.(request) ?? skipperFor(request, file.text)) : undefined;
  let place: TablePlace = from;
  for (;;) {
    if (skip !== undefined) {
      const next = skip(place);
      if (next.line > place.line) listener.skipped?.(table, place.line + 1, next.line);
      place = next;
    }
    const line = lineAt(file.text, place);
    if (line.kind === "end") return { kind: "no rule" };
    if (line.kind !== "line") {
      listener.warning?.(
        table,
        line.line,
        line.kind === "unfinished"
          ? "the file ends without a newline: this line is not read"
          : "the line is longer than 2047 bytes: it and all lines after it are not read",
      );
      return unreadableFrom(table, path, line.line);
    }
    const found = tryLine(tables, request, { table, ...place }, line.text, line.line, listener);
    if (found !== undefined) return found;
    place = line.next;
  }
}

/** A table that cannot be read from a line on: hosts.allow ends there, hosts.deny denies. */
function unreadableFrom(table: TableName, file: string, line: number | undefined): Search {
  if (table === "allow") return { kind: "no rule" };
  return { kind: "refused", why: "unreadable", table, file, line };
}

/** Tries one line; undefined when the search goes on after it. */
function tryLine(
  tables: Tables,
  request: Request,
  place: SearchPlace,
  text: string,
  line: number,
  listener: SearchListener,
): Search | undefined {
  const table = place.table;
  const file = tables[table];
  const rule = parseRule(text);
  if (rule.kind === "nothing") return undefined;
  if (rule.kind === "error") {
    listener.warning?.(table, line, rule.reason);
    return rule.fatal && table === "deny" ? unreadableFrom(table, file, line) : undefined;
  }

  const traced = listener.rule !== undefined;
  const warnings: string[] = [];
  const matching: Matching = {
    request,
    read: tables.read,
    warn: (message) => warnings.push(message),
  };
  const daemons: PatternTrial[] | undefined = traced ? [] : undefined;
  const clients: PatternTrial[] | undefined = traced ? [] : undefined;
  const daemonMatches = matchList(
    listWords(rule.daemons),
    (word) => matchDaemon(word, matching),
    daemons,
  );
  if (typeof daemonMatches === "object") {
    return { kind: "needs", fact: daemonMatches.fact, from: place };
  }
  const clientMatches = daemonMatches !== false &&
    matchList(listWords(rule.clients), (word) => matchClient(word, matching), clients);
  if (typeof clientMatches === "object") {
    return { kind: "needs", fact: clientMatches.fact, from: place };
  }
  // Not earlier: a line that needs a fact is tried again, and would warn again.
  for (const message of warnings) listener.warning?.(table, line, message);
  listener.rule?.({
    table,
    line,
    text,
    daemons: daemons ?? [],
    daemonMatches: daemonMatches === true,
    clients: clients ?? [],
    clientMatches: daemonMatches === true && clientMatches === true,
  });
  if (clientMatches === false) return undefined;
  return daemonMatches === true && clientMatches === true
    ? { kind: "rule", rule: { table, file, line, text, options: rule.options } }
    : { kind: "refused", why: "undecided", table, file, line };
}
