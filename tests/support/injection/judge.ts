import type { Fault, Trace } from "../faults.ts";
import { isRuntimes } from "./calls.ts";
import type { Scenario } from "./scenarios.ts";

/** What the plugin says, and the state with which it ends: CRITICAL. */
export const PLUGIN = { code: 2, text: "CRITICAL: known text" } as const;

/** How long a client may have to wait, in milliseconds. */
export const PATIENCE = 15_000;

/** What a client got. */
export interface Answer {
  readonly milliseconds: number;
  /** undefined where the connection ended without a response. */
  readonly response: { readonly code: number; readonly text: string } | undefined;
}

/** What was seen of a conversation in which a call failed. */
export interface Observation {
  readonly trace: Trace;
  /** Whether the call failed when the agent's own code ran already. */
  readonly reached: boolean;
  /** The clients up to the failure. The agent may have served some before. */
  readonly clients: readonly Answer[];
  /** The one after that, in a process that stays. */
  readonly next: Answer | undefined;
  /** What was logged. */
  readonly log: readonly string[];
  /** Whether the process has ended that should stay. */
  readonly gone: boolean;
  /** What is left over in it: descriptors, zombies. */
  readonly left: readonly string[];
}

/**
 * How a conversation went: with the right answer, with another or none and a reason in the log, or
 * without one, for which the runtime is to blame; and what is wrong with that.
 */
export interface Judgement {
  readonly kind: "answered" | "refused" | "left by the runtime" | "not reached";
  readonly problems: readonly string[];
}

/** A log line that says what went wrong. */
const COMPLAINT = /refused|error|warning|could not|cannot|unexpected|not allowed|failure/i;

/** Holds what was seen against what a client may expect while a call fails. */
export function judge(seen: Observation, fault: Fault, { granted }: Scenario): Judgement {
  const { trace, clients, next, log, gone } = seen;
  if (!seen.reached) return { kind: "not reached", problems: [] };
  const problems: string[] = [];
  const complained = log.some((line) => COMPLAINT.test(line));
  const failed = trace.injected!.line;
  const ofLog = /\/dev\/log|journal|SOCK_DGRAM/.test(failed);
  const left = !complained && isRuntimes(failed);
  const said = complained || ofLog || left;
  // strace does not make the call that fails: the descriptor stays open under it alone.
  const isOpen = fault.call === "close";
  let kind: Judgement["kind"] = "answered";
  for (const { milliseconds, response } of clients) {
    if (milliseconds > PATIENCE && !isOpen) problems.push(`a client waited for ${milliseconds} ms`);
    if (response === undefined) {
      kind = left ? "left by the runtime" : "refused";
      if (!said) problems.push("refused without a log line");
    } else if (!granted) problems.push("a client was served that the tables deny");
    else if (response.code !== PLUGIN.code && response.code !== 3) {
      problems.push(`the state sank to ${response.code}`);
    } else if (response.code === 3 || response.text !== PLUGIN.text) {
      kind = "refused";
      if (!said) problems.push(`answered "${response.text}" without a log line`);
    }
  }
  if (next !== undefined && !isRight(next, granted)) {
    problems.push(`the next client got ${JSON.stringify(next)}`);
  }
  if (gone && !said) problems.push("the process ended without a log line");
  if (!isOpen && !gone) problems.push(...seen.left);
  return { kind, problems };
}

function isRight({ milliseconds, response }: Answer, granted: boolean): boolean {
  if (milliseconds > PATIENCE) return false;
  if (!granted) return response === undefined;
  return response?.code === PLUGIN.code && response.text === PLUGIN.text;
}
