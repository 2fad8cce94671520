import { decodeBytes, encodeBytes } from "../bytes.ts";
import { SystemError } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { isInNetgroup } from "../system/names.ts";
import { dieWithParent } from "../system/parent.ts";
import { receive, send } from "../system/socket.ts";
import { askAgain } from "./ask_again.ts";
import { confirmedName } from "./confirmed_name.ts";
import { encodeAnswer, type LookUpAnswer, NO, YES } from "./look_up.ts";

const NETGROUP_FILE = "/etc/netgroup";

const EXIT_ANSWERED = 0;
const EXIT_USAGE = 3;

/**
 * Answers the questions that come on standard input, a socket, until its other end is closed; see
 * look_up.ts for their form.
 * @returns The exit status.
 */
export function answerLookUps(): number {
  // A question to a dead name server would outlive the process that asks it.
  dieWithParent();
  const arrived = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const received = receive(Stdio.input, arrived, Infinity);
    if (received.kind !== "bytes") return EXIT_ANSWERED;
    text += decodeBytes(arrived, 0, received.count);
    const words = text.split("\0");
    const unfinished = words.pop();
    if (unfinished !== "" || words.length < (words[0] === "netgroup" ? 3 : 2)) continue;
    const answer = answerTo(words);
    if (answer === undefined) return EXIT_USAGE;
    text = "";
    if (send(Stdio.input, encodeBytes(encodeAnswer(answer)), Infinity) !== undefined) {
      return EXIT_ANSWERED;
    }
  }
}

function answerTo([kind, subject, host]: readonly string[]): LookUpAnswer | undefined {
  if (subject === undefined) return undefined;
  if (kind === "name") return confirmedName(subject);
  if (kind !== "netgroup" || host === undefined) return undefined;
  try {
    return askAgain(
      NETGROUP_FILE,
      subject,
      () => isInNetgroup(subject, host) ? YES : NO,
      (answer) => answer === NO,
    );
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { unanswered: error.message };
  }
}
