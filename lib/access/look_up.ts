/**
 * Questions to the name services of this host, with a time limit.
 *
 * The C library's functions take as long as a dead server makes them, and nothing interrupts them. So
 * another process of this same program asks, and is ended when its time is up: one for one question
 * in a process that serves one client, some that stay in one that serves many (name_services.ts). Only
 * rules that name hosts or netgroups cost that.
 */
import { decodeBytes } from "../bytes.ts";
import { LOOK_UP_OPTION } from "../cli.ts";
import type { PluginEnd } from "../command/outcome.ts";
import type { Program } from "../command/program.ts";
import type { Unanswered } from "../wrappers/request.ts";

/** How long an answer is waited for, in seconds. */
export const LOOK_UP_SECONDS = 5;

/** A question to the name services. */
export type LookUp =
  | { readonly kind: "name"; readonly address: string }
  | { readonly kind: "netgroup"; readonly netgroup: string; readonly host: string };

/** The name of an address as confirmedName() has it, or {@link YES} or {@link NO}. */
export type LookUpAnswer = string | Unanswered;

/** The answer that a host is in a netgroup. */
export const YES = "yes";
/** The answer that it is not. */
export const NO = "no";

/** A question that the name services have not answered in time. */
export const TIMED_OUT: Unanswered = {
  unanswered: `the name service did not answer within ${LOOK_UP_SECONDS} seconds`,
};

/** A question for which there was no process, or whose process has failed. */
export const NOT_ASKED: Unanswered = { unanswered: "the name service could not be asked" };

const SELF = "/proc/self/exe";
const EXIT_ANSWERED = 0;

/** The words of a question, the first of which says how many there are. */
export function wordsOf(question: LookUp): readonly string[] {
  return question.kind === "name"
    ? [question.kind, question.address]
    : [question.kind, question.netgroup, question.host];
}

/**
 * The program that answers.
 * @param words A question's; without any it answers all that come on its standard input.
 */
export function lookUpProgram(words: readonly string[]): Program {
  return { file: SELF, argv: ["nrpe", LOOK_UP_OPTION, ...words], shell: false };
}

/** An answer as the program gives it. */
export function encodeAnswer(answer: LookUpAnswer): string {
  return typeof answer === "string" ? `=${answer}` : `!${answer.unanswered}`;
}

/** An answer that the program has given. */
export function decodeAnswer(text: string): LookUpAnswer {
  if (text.startsWith("=")) return text.slice(1);
  if (!text.startsWith("!")) return NOT_ASKED;
  return { unanswered: `the name service has no answer now: ${text.slice(1)}` };
}

/** The answer of a program that was started for one question. */
export function lookUpAnswer(end: PluginEnd): LookUpAnswer {
  if (end.kind === "timed out") return TIMED_OUT;
  if (end.kind !== "exited" || end.status !== EXIT_ANSWERED) return NOT_ASKED;
  return decodeAnswer(decodeBytes(end.output));
}
