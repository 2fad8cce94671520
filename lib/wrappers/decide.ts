/**
 * The decision: the first rule that matches, and its options.
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

/** An effect to be run now. */
export interface DueEffect {
  readonly effect: Effect;
  /** The option's value, expanded. */
  readonly value: string | undefined;
  readonly rule: MatchedRule;
  /** The request with the facts known by now. */
  readonly request: Request;
}

/** How an effect ended. An `aclexec` command may fail; an effect that cannot be had denies. */
export type EffectEnd = "done" | "aclexec failed" | "error";

/** What a decision asks of its caller. */
export interface DecisionCallbacks extends SearchListener {
  /** Returns the request with a fact filled in. A fact that is left open is asked for again. */
  readonly lookUp: (fact: Fact, request: Request) => Request | Promise<Request>;
  /** Runs an effect before the next option is read. */
  readonly run: (due: DueEffect) => EffectEnd | Promise<EffectEnd>;
  /** Takes the message about an option that denies because it is wrong. */
  readonly optionError?: (message: string, rule: MatchedRule) => void;
}

/** A decision. */
interface Decision {
  readonly verdict: Verdict;
  /** The rule that decided; undefined when none matched or the search was refused. */
  readonly rule: MatchedRule | undefined;
  /** The place that the search could not pass, if that is why the verdict is denied. */
  readonly refusedAt?: Refusal;
  /** The request with the facts that were looked up. */
  readonly request: Request;
}

/** Decides about a request. Whether that blocks depends on the callbacks alone. */
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
    const judged = await judgeByRule(rule, request, callbacks);
    request = judged.request;
    if (judged.verdict !== undefined) return { verdict: judged.verdict, rule, request };
    // The search leaves the table of the rule; the end of hosts.deny grants.
    if (rule.table === "deny") return { verdict: "granted", rule: undefined, request };
    from = DENY_START;
  }
}

/**
 * What a rule that matches decides, its options run.
 * @returns No verdict where a command of `aclexec` has failed, and the search goes on.
 */
export async function judgeByRule(
  rule: MatchedRule,
  asked: Request,
  callbacks: DecisionCallbacks,
): Promise<{ readonly verdict: Verdict | undefined; readonly request: Request }> {
  const { end, request } = await runOptions(rule, asked, callbacks);
  return { verdict: end === "aclexec failed" ? undefined : verdictOf(rule, end), request };
}

/** How the options of a rule ended: at one that decides or is wrong, or after the last. */
type OptionsEnd = "allow" | "deny" | "twist" | EffectEnd;

function verdictOf(rule: MatchedRule, end: Exclude<OptionsEnd, "aclexec failed">): Verdict {
  switch (end) {
    case "allow":
      return "granted";
    case "deny":
    case "error":
      return "denied";
    case "twist":
      return "delegated";
    case "done":
      return rule.table === "allow" ? "granted" : "denied";
  }
}

/** Runs the options of a rule. Of several `aclexec` commands the last one counts. */
async function runOptions(
  rule: MatchedRule,
  asked: Request,
  callbacks: DecisionCallbacks,
): Promise<{ readonly end: OptionsEnd; readonly request: Request }> {
  let request = asked;
  let before = asked;
  let end: EffectEnd = "done";
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
      return { end: "error", request };
    }
    for (const message of step.warnings) callbacks.warning?.(rule.table, rule.line, message);
    const { effect } = step;
    const ended = await callbacks.run({ effect, value: step.value, rule, request });
    if (ended === "error") return { end: "error", request };
    if (effect.option === "aclexec") end = ended;
    if (effect.option === "allow" || effect.option === "deny" || effect.option === "twist") {
      return { end: effect.option, request };
    }
    at = step.next;
    before = request;
  }
  return { end, request };
}
