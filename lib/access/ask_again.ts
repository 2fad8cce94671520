import type { Unanswered } from "../wrappers/request.ts";
import { readTableFile } from "./table_files.ts";

/**
 * Asks the C library a question, and again where a file that it reads speaks against its "no". Its
 * functions say that there is no such name also where they could not open that file, for want of
 * descriptors or memory for instance.
 *
 * @param file The file.
 * @param word What it would have to hold.
 * @param isNo Whether an answer is a "no".
 * @returns The answer; unanswered where the file cannot be read.
 */
export function askAgain<Answer>(
  file: string,
  word: string,
  ask: () => Answer,
  isNo: (answer: Answer) => boolean,
): Answer | Unanswered {
  const answer = ask();
  if (!isNo(answer)) return answer;
  const content = readTableFile(file);
  if (content.kind === "unreadable" || content.kind === "failed") {
    return { unanswered: `${file}: ${content.reason}` };
  }
  return content.kind === "text" && content.text.includes(word) ? ask() : answer;
}
