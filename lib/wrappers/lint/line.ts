/**
 * Checks of a line as it stands in the file, before it is read as a rule.
 */
import { ipv6Value } from "../address.ts";
import { type Complaint, complaint, type Piece, type Report } from "./finding.ts";
import { mappedIpv4 } from "./net.ts";
import type { TableName } from "../find_rule.ts";

const BOM = "\xef\xbb\xbf";

/** The complaint about a byte order mark, which editors put before a file. */
export function lintStart(file: string, report: Report): void {
  if (file.startsWith(BOM)) {
    report(
      complaint(
        "error",
        "byte-order-mark",
        "a byte order mark stands before the file and belongs to its first word, which so " +
          "matches nothing",
        "save the file as UTF-8 without BOM",
      ),
      0,
      BOM.length,
    );
  } else if (/^(\xff\xfe|\xfe\xff)/.test(file)) {
    report(
      complaint(
        "error",
        "not-a-text-file",
        "this file is UTF-16, which nothing here can read",
        "save it as ASCII or UTF-8 without BOM",
      ),
      0,
      2,
    );
  }
}

/**
 * Checks how the physical lines of a logical line are joined.
 *
 * @param raw The logical line as it stands in the file, the last newline included.
 * @param text The same with its backslash-newlines gone.
 */
export function lintJoins(raw: string, text: string, report: Report): void {
  const ending = /\\([ \t\r]+)$/.exec(text);
  if (ending !== null) {
    report(
      complaint(
        "error",
        "backslash-before-blank",
        ending[1] === "\r"
          ? "a carriage return stands between the backslash and the end of the line, so the line " +
            "is not continued"
          : "a blank stands behind the backslash, so the line is not continued",
        ending[1] === "\r" ? "save the file with plain newlines" : "take the blank away",
      ),
      ending.index,
      1,
    );
  }
  if (!text.startsWith("#") || raw.length === text.length + 1) return;
  const swallowed = raw.split("\n").slice(1, -1);
  if (swallowed.every((line) => /^[ \t\r]*(#|$)/.test(line))) return;
  const first = raw.indexOf("\\\n");
  report(
    complaint(
      swallowed.some((line) => line.includes(":")) ? "error" : "warning",
      "continued-comment",
      "the backslash at its end continues the comment: the next line is part of it",
      "take the backslash away",
    ),
    0,
    Math.max(1, first),
  );
}

/** The complaint about a line that is indented before its `#`. */
export function indentedComment(text: string, isRule: boolean): Complaint | undefined {
  if (!/^[ \t\r,]+#/.test(text)) return undefined;
  return complaint(
    isRule ? "error" : "warning",
    "indented-comment",
    isRule
      ? "# begins a comment in the first column only: this is a rule, for daemons called # and " +
        "whatever follows"
      : "# begins a comment in the first column only: this is skipped as a line without a colon",
    "move the # to the first column",
  );
}

/**
 * The complaint about a comment behind a rule.
 *
 * @param comment What follows the #.
 * @param hasOptions Whether a colon stands in it.
 */
export function commentBehindRule(comment: string, hasOptions: boolean): Complaint {
  return complaint(
    hasOptions || holdsPatterns(comment) ? "error" : "warning",
    "comment-behind-rule",
    hasOptions
      ? "there are no comments behind a rule: these words are patterns, and options follow the colon"
      : "there are no comments behind a rule: each of these words is a pattern",
    "put the comment on a line of its own, # first",
  );
}

/** Whether words of a comment would match clients, so that it is more than noise among patterns. */
export function holdsPatterns(comment: string): boolean {
  const words = comment.split(/[ \t\r,]+/);
  return words.some((word) => /^(all|known|unknown|local|paranoid|except)$/i.test(word)) ||
    /[0-9]\.|\*|\s[./@]/.test(comment);
}

/** The complaint about a line that is no rule. */
export function missingColon(text: string, table: TableName): Complaint {
  const consequence = table === "allow" ? "it grants nothing" : "it denies nothing";
  if (/[[\]]/.test(text) && text.includes(":")) return unbalanced(consequence);
  const words = text.trim().split(/[ \t,]+/);
  const suggestion = words.length >= 2 && /^[\w.-]+$/.test(words[0]!)
    ? `write ${words[0]}: ${words.slice(1).join(" ")}`
    : "write DAEMONS: CLIENTS";
  return complaint(
    "error",
    "missing-colon",
    `without a colon this line is no rule and is skipped: ${consequence}`,
    suggestion.length > 80 ? "write DAEMONS: CLIENTS" : suggestion,
  );
}

/** The complaint about brackets that hide a colon. */
export function unbalanced(consequence: string): Complaint {
  return complaint(
    "error",
    "unbalanced-bracket",
    `a bracket without its partner hides the colons behind it: ${consequence}`,
    "close each [ by a ]",
  );
}

/** The word of a line that is an IPv6 address without brackets, cut up by its colons. */
export interface BareIpv6 extends Piece {
  readonly complaint: Complaint;
}

/**
 * Finds an IPv6 address without brackets in the word whose first colon ends a list.
 *
 * @param start Where the last word of the list begins, if it has one.
 */
export function bareIpv6At(text: string, start: number | undefined): BareIpv6 | undefined {
  if (start === undefined) return undefined;
  const word = /^[^ \t\r,]*/.exec(text.slice(start))![0];
  const shown = /^([^@]*@)?([0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(%[\w.-]+)?(\/[0-9]*)?(:[a-z]*)?$/
    .exec(word);
  if (shown === null || shown[2]!.split(":").length < 3) return undefined;
  const [, user = "", , zone = "", length = ""] = shown;
  let address = shown[2]!;
  if (ipv6Value(address) === undefined && address.endsWith(":")) address = address.slice(0, -1);
  if (ipv6Value(address) === undefined && !/^([0-9a-fA-F]{1,4}:){2,7}:?$/.test(`${address}:`)) {
    return undefined;
  }
  const mapped = mappedIpv4(address);
  const prefix = ipv6Value(address) === undefined;
  return {
    text: user + address + zone + length,
    at: start,
    complaint: complaint(
      "error",
      "ipv6-without-brackets",
      "without brackets an IPv6 address ends the list at its first colon, and the rest of it is " +
        "taken for options",
      prefix
        ? "write a net, [2001:db8::]/32"
        : `write ${user}${mapped ?? `[${address}]`}${mapped === undefined ? length : ""}`,
    ),
  };
}
