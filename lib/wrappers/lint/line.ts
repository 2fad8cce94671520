/**
 * Checks of a line before it is read as a rule.
 */
import { ipv6Value, mappedIpv4 } from "../address.ts";
import type { TableName } from "../find_rule.ts";
import { isExcept } from "../match_list.ts";
import { type Piece, type Problem, problem, type ReportAt } from "./finding.ts";
import { isWildcard } from "./keyword.ts";

const BOM = "\xef\xbb\xbf";

/** Checks the first bytes of a file: some editors write a byte order mark, or UTF-16. */
export function lintStart(file: string, report: ReportAt): void {
  if (file.startsWith(BOM)) report(problem("byte-order-mark"), 0, BOM.length);
  else if (/^(\xff\xfe|\xfe\xff)/.test(file)) report(problem("not-a-text-file"), 0, 2);
}

/**
 * Checks how the physical lines of a logical line are joined.
 *
 * @param raw The logical line as it is in the file, with its last newline.
 * @param text The same line without its backslash-newlines.
 */
export function lintJoins(raw: string, text: string, report: ReportAt): void {
  const ending = /\\([ \t\r]+)$/.exec(text);
  if (ending !== null) {
    const kind = ending[1] === "\r" ? "return" : "blank";
    report(problem(`backslash-before-blank/${kind}`), ending.index, 1);
  }
  if (!text.startsWith("#") || raw.length === text.length + 1) return;
  const swallowed = raw.split("\n").slice(1, -1);
  if (swallowed.every((line) => /^[ \t\r]*(#|$)/.test(line))) return;
  const kind = swallowed.some((line) => line.includes(":")) ? "rule" : "text";
  report(problem(`continued-comment/${kind}`), 0, Math.max(1, raw.indexOf("\\\n")));
}

/** The problem of a comment that does not begin in the first column. */
export function indentedComment(text: string, kind: "rule" | "text"): Problem | undefined {
  return /^[ \t\r,]+#/.test(text) ? problem(`indented-comment/${kind}`) : undefined;
}

/**
 * The problem of a comment after a rule.
 *
 * @param comment What follows the #.
 * @param hasOptions Whether a colon in it begins options.
 */
export function trailingComment(comment: string, hasOptions: boolean): Problem {
  const kind = hasOptions ? "options" : holdsPatterns(comment) ? "patterns" : "words";
  return problem(`comment-behind-rule/${kind}`);
}

/** Whether words of a comment match clients when they are read as patterns. */
export function holdsPatterns(comment: string): boolean {
  const words = comment.split(/[ \t\r,]+/);
  return words.some((word) => isWildcard(word) || isExcept(word)) ||
    /[0-9]\.|\*|\s[./@]/.test(comment);
}

/** The problem of a line that is not a rule. */
export function missingColon(text: string, table: TableName): Problem {
  if (/[[\]]/.test(text) && text.includes(":")) return problem(`unbalanced-bracket/${table}`);
  const [daemon = "", ...clients] = text.trim().split(/[ \t,]+/);
  const rule = `${daemon}: ${clients.join(" ")}`;
  const isClear = clients.length > 0 && /^[\w.-]+$/.test(daemon) &&
    rule.length <= LONGEST_SUGGESTION;
  return problem(`missing-colon/${table}`, { rule: isClear ? rule : "DAEMONS: CLIENTS" });
}

/** The longest rule that is suggested, in bytes. */
const LONGEST_SUGGESTION = 74;

/** An IPv6 address without brackets, whose first colon ends a list. */
interface BareIpv6 extends Piece {
  readonly problem: Problem;
}

/**
 * Finds an IPv6 address without brackets at the end of a list.
 *
 * @param start Where the last word of the list begins, if it has one.
 */
export function bareIpv6At(text: string, start: number | undefined): BareIpv6 | undefined {
  if (start === undefined) return undefined;
  const word = /^[^ \t\r,]*/.exec(text.slice(start))![0];
  const parts = /^([^@]*@)?([0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(%[\w.-]+)?(\/[0-9]*)?(:[a-z]*)?$/
    .exec(word);
  if (parts === null || parts[2]!.split(":").length < 3) return undefined;
  const [, user = "", written = "", zone = "", length = ""] = parts;
  const address = ipv6Value(written) === undefined ? written.replace(/:$/, "") : written;
  const isWhole = ipv6Value(address) !== undefined;
  if (!isWhole && !/^([0-9a-fA-F]{1,4}:){2,7}:?$/.test(`${address}:`)) return undefined;
  const ipv4 = mappedIpv4(address);
  const pattern = user + (ipv4 ?? `[${address}]${length}`);
  return {
    text: user + address + zone + length,
    at: start,
    problem: isWhole
      ? problem("ipv6-without-brackets/rule", { pattern })
      : problem("ipv6-without-brackets/prefix"),
  };
}
