/**
 * What is found out about one request: the decision, the way to it, and what it would set going.
 */
import { decide, type Verdict } from "../wrappers/decide.ts";
import { namesDaemon } from "../wrappers/explain.ts";
import type { MatchedRule, Refusal, RuleTrial, TableName, Tables } from "../wrappers/find_rule.ts";
import type { Effect } from "../wrappers/option.ts";
import type { Request } from "../wrappers/request.ts";
import { type BoundedList, boundedList, type BoundedListBuilder } from "./bounded_list.ts";
import { lookUp } from "./check_access_request.ts";

/** A complaint about a table; the line is undefined where it is about the file. */
export interface TableWarning {
  readonly line: number | undefined;
  readonly message: string;
}

/** One thing on the way to the decision. */
export type AccessStep =
  /** A rule that names the daemon, be it only to except it. */
  | { readonly kind: "rule"; readonly trial: RuleTrial }
  /** Lines that hold nothing that could match. */
  | { readonly kind: "skipped"; readonly first: number; readonly last: number };

/** The way through one table. */
export interface TableFinding {
  readonly file: string;
  readonly steps: BoundedList<AccessStep>;
  /** How many rules were passed that are for other daemons. */
  readonly otherRules: number;
  readonly warnings: BoundedList<TableWarning>;
}

/** An option that would be carried out. */
export interface FoundEffect {
  readonly effect: Effect;
  /** Its value, %-letters expanded; undefined where it has none. */
  readonly value: string | undefined;
}

/** All that there is to tell about one request. */
export interface AccessFinding {
  readonly request: Request;
  readonly verdict: Verdict;
  /** The rule that decides, if one does. */
  readonly rule: MatchedRule | undefined;
  /** Why a rule denies by its options: the first of them that is wrong. */
  readonly optionError: string | undefined;
  readonly refusedAt: Refusal | undefined;
  readonly tables: Readonly<Record<TableName, TableFinding>>;
  readonly effects: readonly FoundEffect[];
}

/** How many rules or complaints of a table are kept from its beginning and its end. */
const KEPT = 100;
const KEPT_IF_COMPLETE = 5000;

interface TableNotes {
  readonly file: string;
  readonly steps: BoundedListBuilder<AccessStep>;
  readonly warnings: BoundedListBuilder<TableWarning>;
  otherRules: number;
}

/**
 * Finds out how a request fares. Nothing is executed; `aclexec` counts as a success.
 *
 * @param complete Whether every rule of a long table is to be a step of its own, in reason.
 * @param named The tables that were named by whoever asks, and so should exist.
 */
export async function findAccess(
  tables: Tables,
  request: Request,
  complete: boolean,
  named: readonly TableName[],
): Promise<AccessFinding> {
  const notesOf = (file: string): TableNotes => ({
    file,
    steps: boundedList(complete ? KEPT_IF_COMPLETE : KEPT),
    warnings: boundedList(KEPT),
    otherRules: 0,
  });
  const notes = { allow: notesOf(tables.allow), deny: notesOf(tables.deny) };
  for (const table of named) {
    if (tables.read(tables[table]).kind !== "missing") continue;
    notes[table].warnings.push({ line: undefined, message: "no such file: it counts as empty" });
  }
  const effects: FoundEffect[] = [];
  let optionError: string | undefined;
  const decision = await decide(tables, request, {
    lookUp,
    run: ({ effect, value }) => {
      effects.push({ effect, value });
      return "done";
    },
    optionError: (message, { table, line }) => {
      optionError = message;
      notes[table].warnings.push({ line, message: `${message}; an option that is wrong denies` });
    },
    warning: (table, line, message) => notes[table].warnings.push({ line, message }),
    rule: (trial) => {
      const table = notes[trial.table];
      if (concerns(trial, request)) table.steps.push({ kind: "rule", trial });
      else table.otherRules++;
    },
    ...(complete ? {} : {
      skipped: (table: TableName, first: number, last: number) =>
        notes[table].steps.push({ kind: "skipped", first, last }),
    }),
  });
  const { refusedAt } = decision;
  if (refusedAt?.why === "undecided") {
    const message = "whether this matches cannot be said as long as the name is not to be had";
    notes[refusedAt.table].warnings.push({ line: refusedAt.line, message });
  }
  return {
    request: decision.request,
    verdict: decision.verdict,
    rule: decision.rule,
    optionError,
    refusedAt,
    tables: { allow: findingOf(notes.allow), deny: findingOf(notes.deny) },
    effects,
  };
}

function concerns({ daemonMatches, daemons }: RuleTrial, request: Request): boolean {
  if (daemonMatches) return true;
  for (const { pattern } of daemons) if (namesDaemon(pattern, request)) return true;
  return false;
}

function findingOf({ file, steps, warnings, otherRules }: TableNotes): TableFinding {
  return { file, steps: steps.list(), warnings: warnings.list(), otherRules };
}
