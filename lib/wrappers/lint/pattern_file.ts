/**
 * Checks of pattern files, which hold words and blanks and nothing else.
 */
import { type FileReader, isExcept } from "../match_list.ts";
import { equalIgnoringCase } from "../request.ts";
import { about, type LintFinding, placeInFile, type Report, type ReportAt } from "./finding.ts";
import { isLoneMask, lintHost } from "./host.ts";
import { holdsPatterns } from "./line.ts";

/** The pattern files that were checked, each once. */
export interface PatternFiles {
  readonly read: FileReader;
  readonly findings: LintFinding[];
  /** By path. */
  readonly seen: Set<string>;
}

/** A word that names a pattern file. */
interface Mention {
  readonly path: string;
  /** Reports about the word. */
  readonly report: Report;
  /** The pattern files that lead to it, outermost first. */
  readonly open: readonly string[];
}

/** More findings than this end the check of a file; a binary file has one for each word. */
const MOST_FINDINGS = 1000;

/**
 * Checks the pattern file that a word names, and the files that it names.
 *
 * @param report Reports about the word.
 */
export function lintPatternFile(path: string, files: PatternFiles, report: Report): void {
  const pending: Mention[] = [{ path, report, open: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, report, open } = next;
    if (open.includes(path)) {
      report("file-names-itself");
      continue;
    }
    const file = files.read(path);
    if (file.kind === "missing") report("missing-file");
    if (file.kind === "directory") report("file-is-directory");
    if (file.kind === "unreadable") report("unreadable-file", { reason: file.reason });
    if (file.kind !== "text" || files.seen.has(path)) continue;
    files.seen.add(path);
    const inside = [...open, path];
    lintWords(
      path,
      file.text,
      files,
      (named, about) => pending.push({ path: named, report: about, open: inside }),
    );
  }
}

function lintWords(
  path: string,
  text: string,
  { findings }: PatternFiles,
  open: (path: string, report: Report) => void,
): void {
  let found = 0;
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
    const at = match.index - lineStart;
    const report: ReportAt = (problem, at, length) => {
      findings.push({ ...problem, file: path, place: placeInFile(text, start, at, length) });
      found++;
    };
    if (word.startsWith("#")) {
      commented = line;
      const comment = text.slice(match.index, lineEnd < 0 ? text.length : lineEnd);
      const kind = holdsPatterns(comment.slice(1)) ? "patterns" : "words";
      about({ text: comment, at }, report)(`comment-in-pattern-file/${kind}`);
    } else if (word.startsWith("/") && !isLoneMask(word)) {
      open(word, about({ text: word, at }, report));
    } else lintWord(word, about({ text: word, at }, report));
    if (found > MOST_FINDINGS) return;
  }
}

function lintWord(word: string, report: Report): void {
  if (word.includes("\0")) report("nul-byte/file");
  else if (word.includes(",")) report("comma-in-pattern-file");
  else if (isExcept(word)) report("except-in-pattern-file");
  else if (word.indexOf("@", 1) > 0) report("user-in-pattern-file");
  else if (!equalIgnoringCase(word, "ALL")) lintHost(word, report);
}
