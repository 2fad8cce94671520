import { encodeBytes } from "../bytes.ts";
import { confirmedName } from "../confirmed_name.ts";
import { SystemError, writeAll } from "../system/libc.ts";
import { isInNetgroup } from "../system/names.ts";
import { EXIT_ANSWERED, YES } from "./look_up.ts";

const STDOUT = 1;
const NO = "no";
const EXIT_UNANSWERED = 2;
const EXIT_USAGE = 3;

/** Asks what the words behind the option ask, prints the answer, and returns the exit status. */
export function answerLookUp(words: readonly string[]): number {
  const [kind, subject, host] = words;
  if (kind === "name" && subject !== undefined) return print(confirmedName(subject));
  if (kind === "netgroup" && subject !== undefined && host !== undefined) {
    try {
      return print(isInNetgroup(subject, host) ? YES : NO);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return EXIT_UNANSWERED;
    }
  }
  return EXIT_USAGE;
}

function print(answer: string): number {
  writeAll(STDOUT, encodeBytes(`${answer}\n`));
  return EXIT_ANSWERED;
}
