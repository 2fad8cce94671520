/**
 * The trace of a decision: the rules that were tried, the verdict, and the effects of its options.
 */
import { decide, type Verdict } from "../wrappers/decide.ts";
import { namesDaemon } from "../wrappers/explain.ts";
import type { MatchedRule, Refusal, RuleTrial, TableName, Tables } from "../wrappers/find_rule.ts";
import type { Effect } from "../wrappers/option.ts";
import type { Request } from "../wrappers/request.ts";
import { type BoundedList, boundedList, type BoundedListBuilder } from "./bounded_list.ts";
import { lookUpFact } from "./check_access_request.ts";

/** A warning about a table; the line is undefined where it is about the file. */
export interface TableWarning {
  readonly line: number | undefined;
  readonly message: string;
}

/** A step of the search. */
export type AccessStep =
  /** A rule that names the daemon, also one that only excepts it. */
  | { readonly kind: "rule"; readonly trial: RuleTrial }
  /** Lines that cannot match. */
  | { readonly kind: "skipped"; readonly first: number; readonly last: number };

/** The search of one table. */
export interface TableTrace {
  readonly file: string;
  readonly steps: BoundedList<AccessStep>;
  /** The number of rules for other daemons. */
  readonly otherRules: number;
  readonly warnings: BoundedList<TableWarning>;
}

/** An option that would be carried out. */
export interface TracedEffect {
  readonly effect: Effect;
  /** Its value, %-letters expanded; undefined where it has none. */
  readonly value: string | undefined;
}

/** The search for one request, and its result. */
export interface AccessTrace {
  readonly request: Request;
  readonly verdict: Verdict;
  /** The rule that decides; undefined where none does. */
  readonly rule: MatchedRule | undefined;
  /** What is wrong with the option that makes the rule deny. */
  readonly optionError: string | undefined;
  readonly refusedAt: Refusal | undefined;
  readonly tables: Readonly<Record<TableName, TableTrace>>;
  readonly effects: readonly TracedEffect[];
}

/** The most steps or warnings that are kept from each end of a table. */
const MAX_ITEMS = 100;
const MAX_ITEMS_COMPLETE = 5000;

interface TableTraceBuilder {
  readonly file: string;
  readonly steps: BoundedListBuilder<AccessStep>;
  readonly warnings: BoundedListBuilder<TableWarning>;
  otherRules: number;
}

/**
 * Traces the decision about a request. No command is run; `aclexec` counts as a success.
 *
 * @param complete Whether each rule of a long table is a step, up to a limit.
 * @param named The tables that the command line or nrpe.cfg names, and that so should exist.
 */
export async function traceAccess(
  tables: Tables,
  request: Request,
  complete: boolean,
  named: readonly TableName[],
): Promise<AccessTrace> {
  const begin = (file: string): TableTraceBuilder => ({
    file,
    steps: boundedList(complete ? MAX_ITEMS_COMPLETE : MAX_ITEMS),
    warnings: boundedList(MAX_ITEMS),
    otherRules: 0,
  });
  const builders = { allow: begin(tables.allow), deny: begin(tables.deny) };
  for (const table of named) {
    if (tables.read(tables[table]).kind !== "missing") continue;
    builders[table].warnings.push({ line: undefined, message: "no such file: it counts as empty" });
  }
  const effects: TracedEffect[] = [];
  let optionError: string | undefined;
  const decision = await decide(tables, request, {
    lookUp: lookUpFact,
    run: ({ effect, value }) => {
      effects.push({ effect, value });
      return "done";
    },
    optionError: (message, { table, line }) => {
      optionError = message;
      builders[table].warnings.push({
        line,
        message: `${message}; an option that is wrong denies`,
      });
    },
    warning: (table, line, message) => builders[table].warnings.push({ line, message }),
    rule: (trial) => {
      const table = builders[trial.table];
      if (namesDaemonOf(trial, request)) table.steps.push({ kind: "rule", trial });
      else table.otherRules++;
    },
    ...(complete ? {} : {
      skipped: (table: TableName, first: number, last: number) =>
        builders[table].steps.push({ kind: "skipped", first, last }),
    }),
  });
  const { refusedAt } = decision;
  if (refusedAt?.why === "undecided") {
    const message =
      "whether this matches is undecided: it depends on a name service that does not answer, or on a file that cannot be read";
    builders[refusedAt.table].warnings.push({ line: refusedAt.line, message });
  }
  return {
    request: decision.request,
    verdict: decision.verdict,
    rule: decision.rule,
    optionError,
    refusedAt,
    tables: { allow: tableTrace(builders.allow), deny: tableTrace(builders.deny) },
    effects,
  };
}

function namesDaemonOf({ daemonMatches, daemons }: RuleTrial, request: Request): boolean {
  if (daemonMatches) return true;
  for (const { pattern } of daemons) if (namesDaemon(pattern, request)) return true;
  return false;
}

function tableTrace({ file, steps, warnings, otherRules }: TableTraceBuilder): TableTrace {
  return { file, steps: steps.list(), warnings: warnings.list(), otherRules };
}
