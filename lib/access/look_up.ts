/**
 * Questions to the name services of this host, with a time limit.
 *
 * The C library's functions take as long as a dead server makes them, and nothing interrupts them. So
 * another process of this same program asks, and is killed when its time is up. Only rules that name
 * hosts or netgroups cost that. Each word of a question, and each answer, ends with a NUL byte.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import { LOOK_UP_OPTION } from "../cli.ts";
import { pluginEnvironment } from "../command/environment.ts";
import { closeFile } from "../system/libc.ts";
import { type Started, startProgram } from "../system/process.ts";
import { socketPair } from "../system/socket.ts";
import type { Transport } from "../system/transport.ts";
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

/**
 * Its argv[0]. A file that is called tcpd is told by it that it is not to wrap a service: in no line of
 * an inetd has argv[0] a blank.
 */
export const LOOK_UP_NAME = "nrpe look-up";

/** The words of a question, the first of which says how many there are. */
export function wordsOf(question: LookUp): readonly string[] {
  return question.kind === "name"
    ? [question.kind, question.address]
    : [question.kind, question.netgroup, question.host];
}

/** A process that answers questions, one at a time, until its socket is closed. */
export interface LookUpProcess {
  readonly started: Started;
  /** The socket for the questions. */
  readonly fd: number;
}

/**
 * Starts such a process.
 * @throws {SystemError} when there is none to be had.
 */
export function startLookUpProcess(): LookUpProcess {
  const [fd, theirs] = socketPair();
  try {
    const program = { file: SELF, argv: [LOOK_UP_NAME, LOOK_UP_OPTION], shell: false };
    const started = startProgram({ ...program, environment: pluginEnvironment() }, theirs, theirs);
    return { started, fd };
  } catch (error) {
    closeFile(fd);
    throw error;
  } finally {
    closeFile(theirs);
  }
}

/**
 * Asks a look-up process. After {@link TIMED_OUT} and {@link NOT_ASKED} it is of no more use.
 * @param deadline In milliseconds of now().
 */
export async function askProcess(
  process: Transport,
  question: LookUp,
  deadline: number,
): Promise<LookUpAnswer> {
  let words = "";
  for (const word of wordsOf(question)) words += `${word}\0`;
  process.send(encodeBytes(words), deadline);
  for (let answer = "";;) {
    const arrival = await process.receive(deadline);
    if (arrival.kind !== "bytes") return arrival.kind === "timed out" ? TIMED_OUT : NOT_ASKED;
    answer += decodeBytes(arrival.bytes);
    if (answer.endsWith("\0")) return decodeAnswer(answer.slice(0, -1));
  }
}

/** An answer as the process gives it. */
export function encodeAnswer(answer: LookUpAnswer): string {
  return typeof answer === "string" ? `=${answer}\0` : `!${answer.unanswered}\0`;
}

function decodeAnswer(text: string): LookUpAnswer {
  if (text.startsWith("=")) return text.slice(1);
  if (!text.startsWith("!")) return NOT_ASKED;
  return { unanswered: `the name service has no answer now: ${text.slice(1)}` };
}
