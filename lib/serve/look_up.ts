/**
 * Questions to the name services of this host, with a time limit.
 *
 * The C library's functions take as long as a dead server makes them, and nothing interrupts them. So
 * another process of this same program asks, and is ended when its time is up. Starting it takes some
 * milliseconds, which only rules that name hosts or netgroups cost.
 */
import { LOOK_UP_OPTION } from "../cli.ts";
import { outcomeOf, type PluginEnd } from "../command/outcome.ts";
import type { Program } from "../command/program.ts";
import { UNKNOWN } from "../wrappers/request.ts";

/** How long an answer is waited for, in seconds. */
export const LOOK_UP_SECONDS = 5;

/** A question to the name services. */
export type LookUp =
  | { readonly kind: "name"; readonly address: string }
  | { readonly kind: "netgroup"; readonly netgroup: string; readonly host: string };

const SELF = "/proc/self/exe";
/** The answer that a host is in a netgroup. */
export const YES = "yes";
/** The exit status with which a question is answered. */
export const EXIT_ANSWERED = 0;

/** The program that asks a question and prints the answer. */
export function lookUpProgram(question: LookUp): Program {
  const words = question.kind === "name"
    ? [question.kind, question.address]
    : [question.kind, question.netgroup, question.host];
  return { file: SELF, argv: ["nrpe", LOOK_UP_OPTION, ...words], shell: false };
}

/** What came of asking: the answer, or why there is none. */
export type LookUpAnswer =
  | { readonly kind: "answer"; readonly text: string }
  | { readonly kind: "failure"; readonly reason: string };

/** The answer that the program for a question gave. */
export function lookUpAnswer(end: PluginEnd): LookUpAnswer {
  const { code, text } = outcomeOf(end);
  if (end.kind === "exited" && code === EXIT_ANSWERED) return { kind: "answer", text };
  const reason = end.kind === "timed out"
    ? `the name service did not answer within ${end.seconds} seconds`
    : "the name service could not be asked";
  return { kind: "failure", reason };
}

/** The name that an answer gives: unknown where there is none. */
export function nameOf(answer: LookUpAnswer): string {
  return answer.kind === "answer" ? answer.text : UNKNOWN;
}

/** Whether an answer says yes. */
export function isYes(answer: LookUpAnswer): boolean {
  return answer.kind === "answer" && answer.text === YES;
}
