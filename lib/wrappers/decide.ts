/**
 * The decision: the rule that is found, and what its options make of it.
 */
import {
  DENY_START,
  findRule,
  type MatchedRule,
  type Refusal,
  type SearchListener,
  type SearchPlace,
  type Tables,
} from "./find_rule.ts";
import { type Effect, readOption } from "./option.ts";
import type { Fact, Request } from "./request.ts";

/** Let in, kept out, or handed to another program (`twist`). */
export type Verdict = "granted" | "denied" | "delegated";

/** How the options of a rule ended. */
export type OptionsEnd =
  /** All were read; none of them decides. */
  | "done"
  | "allow"
  | "deny"
  | "twist"
  /** One of them was wrong. */
  | "error";

/**
 * What a rule comes to when its options have ended.
 *
 * @param aclexecFailed Whether the last `aclexec` command of the rule failed. Then the rule's table
 * has nothing more to say, and the search goes on behind it.
 */
export function conclude(
  rule: MatchedRule,
  end: OptionsEnd,
  aclexecFailed: boolean,
): { readonly kind: "verdict"; readonly verdict: Verdict } | {
  readonly kind: "search";
  /** Where the search goes on; undefined at the end of hosts.deny, which grants. */
  readonly from: SearchPlace | undefined;
} {
  switch (end) {
    case "allow":
      return { kind: "verdict", verdict: "granted" };
    case "deny":
    case "error":
      return { kind: "verdict", verdict: "denied" };
    case "twist":
      return { kind: "verdict", verdict: "delegated" };
    case "done":
      if (aclexecFailed) {
        return { kind: "search", from: rule.table === "allow" ? DENY_START : undefined };
      }
      return { kind: "verdict", verdict: rule.table === "allow" ? "granted" : "denied" };
  }
}

/** An effect whose turn has come. */
export interface DueEffect {
  readonly effect: Effect;
  /** The option's value, expanded. */
  readonly value: string | undefined;
  readonly rule: MatchedRule;
  /** The request with all that is known by now. */
  readonly request: Request;
}

/** What came of an effect: an `aclexec` command may fail, and an effect that cannot be had denies. */
export type EffectEnd = "done" | "aclexec failed" | "error";

/** What a decision asks of the world. */
export interface DecisionCallbacks extends SearchListener {
  /**
   * Finds a fact out and returns the request with it filled in, be it as `unknown` or unanswered; a
   * fact that stays open is asked for again.
   */
  readonly lookUp: (fact: Fact, request: Request) => Request | Promise<Request>;
  /** Runs an effect when its turn comes, before the next option is read. */
  readonly run: (turn: DueEffect) => EffectEnd | Promise<EffectEnd>;
  /** Hears of the option that denies because it is wrong. */
  readonly optionError?: (message: string, rule: MatchedRule) => void;
}

/** A decision. */
export interface Decision {
  readonly verdict: Verdict;
  /** The rule that decided; undefined when none matched or the search could not be brought to its end. */
  readonly rule: MatchedRule | undefined;
  /** The place that the search could not pass, when that is why the verdict is denied. */
  readonly refusedAt?: Refusal;
  /** The request with all that was found out. */
  readonly request: Request;
}

/**
 * Decides about a request, finding out what is needed on the way.
 *
 * Whether that blocks or not is up to the callbacks; here is nothing to wait for.
 */
export async function decide(
  tables: Tables,
  asked: Request,
  callbacks: DecisionCallbacks,
): Promise<Decision> {
  let request = asked;
  let from: SearchPlace | undefined;
  for (;;) {
    const search = findRule(tables, request, from, callbacks);
    if (search.kind === "needs") {
      request = await callbacks.lookUp(search.fact, request);
      from = search.from;
      continue;
    }
    if (search.kind === "refused") {
      return { verdict: "denied", rule: undefined, refusedAt: search, request };
    }
    if (search.kind === "no rule") return { verdict: "granted", rule: undefined, request };

    const { rule } = search;
    const options = await runOptions(rule, request, callbacks);
    request = options.request;
    const conclusion = conclude(rule, options.end, options.aclexecFailed);
    if (conclusion.kind === "verdict") return { verdict: conclusion.verdict, rule, request };
    if (conclusion.from === undefined) return { verdict: "granted", rule: undefined, request };
    from = conclusion.from;
  }
}

/** How a rule's options ended, and what was found out on the way. */
interface OptionsRun {
  readonly end: OptionsEnd;
  readonly aclexecFailed: boolean;
  readonly request: Request;
}

async function runOptions(
  rule: MatchedRule,
  asked: Request,
  callbacks: DecisionCallbacks,
): Promise<OptionsRun> {
  let request = asked;
  let before = asked;
  let aclexecFailed = false;
  let at = 0;
  while (rule.options !== undefined) {
    const step = readOption(rule.options, at, request, before);
    if (step.kind === "needs") {
      request = await callbacks.lookUp(step.fact, request);
      continue;
    }
    if (step.kind === "end") break;
    if (step.kind === "error") {
      callbacks.optionError?.(step.message, rule);
      return { end: "error", aclexecFailed, request };
    }
    for (const message of step.warnings) callbacks.warning?.(rule.table, rule.line, message);
    const { effect } = step;
    const ended = await callbacks.run({ effect, value: step.value, rule, request });
    if (ended === "error") return { end: "error", aclexecFailed, request };
    if (effect.option === "aclexec") aclexecFailed = ended === "aclexec failed";
    if (effect.option === "allow" || effect.option === "deny" || effect.option === "twist") {
      return { end: effect.option, aclexecFailed, request };
    }
    at = step.next;
    before = request;
  }
  return { end: "done", aclexecFailed, request };
}
