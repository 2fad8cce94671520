/**
 * Checks of pattern files, which hold words and blanks and nothing else.
 */
import { type FileReader, isExcept } from "../match_list.ts";
import { equalIgnoringCase } from "../request.ts";
import { type Collector, makeCollector } from "./collector.ts";
import { about, type Report } from "./finding.ts";
import { isLoneMask, lintHost } from "./host.ts";
import { holdsPatterns } from "./line.ts";
import { isPlaceholder } from "./placeholder.ts";

/** The pattern files that were checked, each once. */
export interface PatternFiles {
  readonly read: FileReader;
  /** The most findings of one code in one file that are listed. */
  readonly most: number;
  /** The findings by path. */
  readonly collectors: Map<string, Collector>;
}

/** A word that names a pattern file. */
interface Mention {
  readonly path: string;
  /** Reports about the word. */
  readonly report: Report;
  /** The pattern files that lead to it, outermost first. */
  readonly open: readonly string[];
}

/**
 * Checks the pattern file that a word names, and the files that it names.
 *
 * @param refuses Whether a client that it matches is refused.
 * @param report Reports about the word.
 */
export function lintPatternFile(
  path: string,
  files: PatternFiles,
  refuses: boolean,
  report: Report,
): void {
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
    if (file.kind === "failed") report("unreadable-file/failed", { reason: file.reason });
    if (file.kind !== "text" || files.collectors.has(path)) continue;
    const collector = makeCollector(path, file.text, files.most);
    files.collectors.set(path, collector);
    const inside = [...open, path];
    lintWords(
      file.text,
      collector,
      refuses,
      (named, about) => pending.push({ path: named, report: about, open: inside }),
    );
  }
}

function lintWords(
  text: string,
  { reportFrom }: Collector,
  refuses: boolean,
  open: (path: string, report: Report) => void,
): void {
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
    const report = reportFrom(start);
    if (word.startsWith("#")) {
      commented = line;
      const comment = text.slice(match.index, lineEnd < 0 ? text.length : lineEnd);
      const kind = holdsPatterns(comment.slice(1)) ? "patterns" : "words";
      about({ text: comment, at }, report)(`comment-in-pattern-file/${kind}`);
    } else if (word.startsWith("/") && !isLoneMask(word)) {
      open(word, about({ text: word, at }, report));
    } else lintWord(word, refuses, about({ text: word, at }, report));
  }
}

function lintWord(word: string, refuses: boolean, report: Report): void {
  if (word.includes("\0")) report("nul-byte/file");
  else if (word.includes(",")) report("comma-in-pattern-file");
  else if (isExcept(word)) report("except-in-pattern-file");
  else if (word.indexOf("@", 1) > 0) report("user-in-pattern-file");
  else if (isPlaceholder(word)) report("placeholder/client");
  else if (!equalIgnoringCase(word, "ALL")) lintHost(word, refuses, report);
}
