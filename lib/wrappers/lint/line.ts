/**
 * Checks of a line before it is read as a rule.
 */
import { ipv6Value, mappedIpv4 } from "../address.ts";
import type { TableName } from "../find_rule.ts";
import { isExcept } from "../match_list.ts";
import { about, type Piece, type Problem, problem, type ReportAt } from "./finding.ts";
import { lintHost } from "./host.ts";
import { isWildcard } from "./keyword.ts";
import { isDaemonName } from "./known_daemons.ts";

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
 * @param isAlone Whether no client stands before it.
 */
export function trailingComment(comment: string, hasOptions: boolean, isAlone: boolean): Problem {
  if (isAlone && !hasOptions && !holdsPatterns(comment)) {
    return problem("comment-behind-rule/alone");
  }
  const kind = hasOptions ? "options" : holdsPatterns(comment) ? "patterns" : "words";
  return problem(`comment-behind-rule/${kind}`);
}

/** Whether words of a comment match clients when they are read as patterns. */
export function holdsPatterns(comment: string): boolean {
  const words = comment.split(/[ \t\r,]+/);
  return words.some((word) => isWildcard(word) || isExcept(word)) ||
    /[0-9]\.|\*|\s[./@]/.test(comment);
}

/**
 * Which part of a merge conflict a line marks, as git and other programs write it.
 *
 * @param isOpen Whether a conflict has begun: a line of equal signs alone may be an ornament.
 */
export function mergeMarker(text: string, isOpen: boolean): "begin" | "middle" | "end" | undefined {
  const marker = /^(?:<{7}|>{7}|\|{7}|={7})(?= |$)/.exec(text)?.[0];
  if (marker === undefined) return undefined;
  if (marker.startsWith("<")) return "begin";
  if (marker.startsWith(">")) return "end";
  return isOpen ? "middle" : undefined;
}

/** The problem of a line that is not a rule. */
export function missingColon(text: string, table: TableName): Problem {
  const isBalanced = text.split("[").length === text.split("]").length;
  if (!isBalanced && text.includes(":")) return problem(`unbalanced-bracket/${table}`);
  const words = text.replace(/[ \t]#.*/, "").trim().split(/[ \t,]+/);
  const rule = ruleOfWords(words);
  const isClear = rule !== undefined && rule.length <= LONGEST_SUGGESTION;
  return problem(`missing-colon/${table}`, {
    rule: isClear ? rule : "DAEMONS: CLIENTS, or a # before it if this is a comment",
  });
}

/** The rule that a line without a colon is meant to be, if that is clear. */
function ruleOfWords(words: readonly string[]): string | undefined {
  const other = words.findIndex((word) => !isAddress(word));
  const addresses = other < 0 ? words : words.slice(0, other);
  if (addresses.length > 0) {
    return addresses.some(isVain) ? undefined : `ALL: ${addresses.join(" ")}`;
  }
  const [daemon = "", ...clients] = words;
  if (clients.length === 0 || !/^[\w.-]+$/.test(daemon)) return undefined;
  const isClient = (word: string) =>
    isAddress(word) || isWildcard(word) || isExcept(word) || /^[@/.]?[\w-]+(\.[\w-]+)+$/.test(word);
  return clients.every(isClient) || isDaemonName(daemon.toLowerCase(), NO_NAMES)
    ? `${daemon}: ${clients.join(" ")}`
    : undefined;
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** Whether a word is an address, a net or the beginning of an IPv4 address. */
function isAddress(word: string): boolean {
  return /^([0-9]{1,3}\.){3}[0-9]{1,3}(\/[0-9.]+)?$|^([0-9]{1,3}\.){1,3}$|^\[[0-9a-fA-F:.]+\](\/[0-9]+)?$/
    .test(word);
}

/** Whether there is an error in a host pattern. */
function isVain(word: string): boolean {
  let isVain = false;
  const note: ReportAt = ({ severity }) => void (isVain ||= severity === "error");
  lintHost(word, false, about({ text: word, at: 0 }, note));
  return isVain;
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
 * @param lead What is missing before the address.
 */
export function bareIpv6At(
  text: string,
  start: number | undefined,
  lead = "",
): BareIpv6 | undefined {
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
  const pattern = `${lead}${user}${ipv4 ?? `[${address}]${length}`}`;
  return {
    text: user + address + zone + length,
    at: start,
    problem: isWhole
      ? problem("ipv6-without-brackets/rule", { pattern })
      : problem("ipv6-without-brackets/prefix"),
  };
}

/** Finds an IPv6 address without brackets where a line should begin with a daemon. */
export function bareIpv6Line(text: string, daemons: readonly Piece[]): BareIpv6 | undefined {
  const [first] = daemons;
  const word = /^[^ \t\r,]*/.exec(text.slice(first?.at))![0].replace(/\/.*/, "");
  return first === undefined || ipv6Value(word) === undefined
    ? undefined
    : bareIpv6At(text, first.at, "ALL: ");
}
