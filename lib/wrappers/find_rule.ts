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

/** Which table: the one whose rules grant, or the one whose rules deny. */
export type TableName = "allow" | "deny";

/** A place in the search. */
export interface SearchPlace extends TablePlace {
  readonly table: TableName;
}

/** The beginning of the search. */
export const SEARCH_START: SearchPlace = { table: "allow", ...TABLE_START };

/** Where the search goes on when hosts.allow has nothing to say. */
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

/** A place that cannot be passed, so that whoever comes to it is kept out. */
export interface Refusal {
  readonly kind: "refused";
  /**
   * `unreadable`: hosts.deny cannot be read on from there. `undecided`: whether the rule matches
   * depends on a question that was put in vain.
   */
  readonly why: "unreadable" | "undecided";
  readonly table: TableName;
  readonly file: string;
  readonly line: number | undefined;
}

/** How a search ends. */
export type Search =
  | { readonly kind: "rule"; readonly rule: MatchedRule }
  /** No rule matches: whoever asks is let in. */
  | { readonly kind: "no rule" }
  | Refusal
  /** To be begun again at `from` when the fact is known. */
  | { readonly kind: "needs"; readonly fact: Fact; readonly from: SearchPlace };

/** What a rule that does not decide was looked at for. */
export interface RuleTrial {
  readonly table: TableName;
  readonly line: number;
  readonly text: string;
  /** The words of the daemon list that were tried, and whether the list matches. */
  readonly daemons: readonly PatternTrial[];
  readonly daemonMatches: boolean;
  /** The words of the client list, which is looked at only if the daemon list matches. */
  readonly clients: readonly PatternTrial[];
  readonly clientMatches: boolean;
}

/** Takes what happens on the way. All members are optional: enforcement needs warnings alone. */
export interface SearchListener {
  readonly warning?: (table: TableName, line: number | undefined, message: string) => void;
  /** A rule, in order, with each pattern that was tried. Whoever listens pays for it. */
  readonly rule?: (trial: RuleTrial) => void;
  /**
   * Lines `first` to `last` hold no pattern that could match. Whoever listens to `rule` and wants
   * to hear of every rule leaves this out.
   */
  readonly skipped?: (table: TableName, first: number, last: number) => void;
}

/** Tables longer than this are searched for lines worth a look first; shorter ones read on. */
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
  if (file.kind === "unreadable") {
    listener.warning?.(table, undefined, `cannot open: ${file.reason}`);
    return unreadableFrom(table, path, undefined);
  }
  if (file.kind !== "text") return { kind: "no rule" };

  const maySkip = file.text.length - from.offset > WORTH_SKIPPING &&
    (listener.rule === undefined || listener.skipped !== undefined);
  const skip = maySkip ? skipperFor(request, file.text) : undefined;
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

/** What a table means that cannot be read on: nothing in hosts.allow, refusal in hosts.deny. */
function unreadableFrom(table: TableName, file: string, line: number | undefined): Search {
  if (table === "allow") return { kind: "no rule" };
  return { kind: "refused", why: "unreadable", table, file, line };
}

/** Matches one line; undefined when the search goes on behind it. */
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
  // Only now: a line that needed a fact is tried again, and would complain again.
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
