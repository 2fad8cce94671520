/**
 * Checks of pattern files, in which less is understood than in a client list: words and blanks.
 */
import {
  type Complaint,
  complaint,
  type LintFinding,
  placeInFile,
  type Report,
} from "./finding.ts";
import { lintHost } from "./host.ts";
import { holdsPatterns } from "./line.ts";
import type { FileReader } from "../match_list.ts";
import { equalIgnoringCase } from "../request.ts";
import { isExcept } from "../match_list.ts";

/** Pattern files that were looked at, so that each is only once. */
export interface PatternFiles {
  readonly read: FileReader;
  readonly findings: LintFinding[];
  /** By path. */
  readonly seen: Set<string>;
}

/** A word that names a pattern file. */
interface Mention {
  readonly path: string;
  readonly report: Report;
  /** The files in which it stands, outermost first. */
  readonly open: readonly string[];
}

/** So many findings end the look at a file: a binary one would have one for every word. */
const MOST_FINDINGS = 1000;

/**
 * Checks the pattern file that a word names, and the files that it names.
 *
 * @param report Takes complaints about the word itself.
 */
export function lintPatternFile(path: string, files: PatternFiles, report: Report): void {
  const pending: Mention[] = [{ path, report, open: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, report, open } = next;
    if (open.includes(path)) {
      report(CIRCLE, 0, path.length);
      continue;
    }
    const file = files.read(path);
    if (file.kind !== "text") {
      const [code, reason] = file.kind === "missing"
        ? ["missing-file", "there is no such file"]
        : file.kind === "directory"
        ? ["file-is-directory", "this is a directory"]
        : ["unreadable-file", `this file cannot be opened: ${file.reason}`];
      report(
        complaint("error", code, `${reason}, so the pattern matches nobody`),
        0,
        path.length,
      );
      continue;
    }
    if (files.seen.has(path)) continue;
    files.seen.add(path);
    const inside = [...open, path];
    lintWords(
      path,
      file.text,
      files,
      (named, at) => pending.push({ path: named, report: at, open: inside }),
    );
  }
}

function lintWords(
  path: string,
  text: string,
  { findings }: PatternFiles,
  open: (path: string, report: Report) => void,
): void {
  let complaints = 0;
  let commented = -1;
  let line = 0;
  let lineStart = 0;
  let lineEnd = text.indexOf("\n");
  for (const match of text.matchAll(/[^ \t\n\v\f\r]+/g)) {
    const word = match[0];
    while (lineEnd >= 0 && lineEnd < match.index) {
      line++;
      lineStart = lineEnd + 1;
      lineEnd = text.indexOf("\n", lineStart);
    }
    const start = { offset: lineStart, line };
    if (commented === line) continue;
    const column = match.index - lineStart;
    const report: Report = (found, at, length) => {
      const place = placeInFile(text, start, column + at, length);
      findings.push({ ...found, file: path, place });
      complaints++;
    };
    if (word.startsWith("#")) {
      commented = line;
      const end = lineEnd < 0 ? text.length : lineEnd;
      report(commentInFile(text.slice(match.index + 1, end)), 0, end - match.index);
    } else if (word.startsWith("/") && !/^\/[0-9.]*$/.test(word)) {
      open(word, report);
    } else lintWord(word, report);
    if (complaints > MOST_FINDINGS) return;
  }
}

const CIRCLE = complaint(
  "error",
  "file-names-itself",
  "the file that is named here names this one, and is not read again",
  "take its name out",
);

function commentInFile(comment: string): Complaint {
  return complaint(
    holdsPatterns(comment) ? "error" : "warning",
    "comment-in-pattern-file",
    "a pattern file has no comments: # and each word behind it is a pattern",
    "take the comment out",
  );
}

function lintWord(word: string, report: Report): void {
  const found = word.includes("\0")
    ? complaint("error", "nul-byte", "a NUL byte stands here, this is no text file")
    : word.includes(",")
    ? complaint(
      "error",
      "comma-in-pattern-file",
      "commas separate nothing in a pattern file: all of this is one word",
      "separate by blanks or lines",
    )
    : isExcept(word)
    ? complaint(
      "error",
      "except-in-pattern-file",
      "a pattern file has no EXCEPT: the words behind it match like all others",
      "write EXCEPT in the rule, with a second file behind it",
    )
    : word.indexOf("@", 1) > 0
    ? complaint(
      "error",
      "user-in-pattern-file",
      "a pattern file has no user@host, so this matches nobody",
    )
    : undefined;
  if (found !== undefined) report(found, 0, word.length);
  else if (!equalIgnoringCase(word, "ALL")) {
    for (const complaint of lintHost(word)) report(complaint, 0, word.length);
  }
}
