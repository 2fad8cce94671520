/**
 * Checks of a host pattern: a word of a client list or a pattern file, or what follows the `@` in a
 * daemon list.
 */
import { ipv6Value } from "../address.ts";
import { matchesText, parseHostPattern } from "../pattern.ts";
import { PARANOID, UNKNOWN } from "../request.ts";
import { oddCharacter } from "./character.ts";
import type { Report } from "./finding.ts";
import { isWildcard, lintKeyword } from "./keyword.ts";
import { lintBracketed, lintNet } from "./net.ts";

/** Whether a word is a mask after a blank, which is read as a path. */
export function isLoneMask(word: string): boolean {
  return /^\/[0-9.]*$/.test(word);
}

/**
 * Checks a host pattern. A pattern file is not read.
 *
 * @param refuses Whether a client that matches is refused.
 */
export function lintHost(word: string, refuses: boolean, report: Report): void {
  if (isLoneMask(word)) return report("blank-in-net");
  if (word === "") return report("empty-host");
  const { kind } = parseHostPattern(word);
  if (kind === "file") return;
  if (kind === "netgroup") return lintNetgroup(word.slice(1), report);
  const odd = oddCharacter(word);
  if (odd !== undefined) return report(odd);
  if (kind === "net") lintNet(word, report);
  if (kind === "text") lintTextPattern(word, refuses, report);
}

function lintNetgroup(netgroup: string, report: Report): void {
  if (netgroup === "") report("empty-netgroup");
  else if (isWildcard(netgroup)) {
    report("wildcard-as-netgroup", { wildcard: netgroup.toUpperCase() });
  } else if (/^[0-9.]+$/.test(netgroup)) report("address-as-netgroup", { address: netgroup });
}

function lintTextPattern(word: string, refuses: boolean, report: Report): void {
  if (word.startsWith("[") && word.endsWith("]")) {
    lintBracketed(word.slice(1, -1), undefined, report);
  } else if (/[[\]]/.test(word)) {
    report(/\[[^:]*\]/.test(word) ? "bad-brackets/class" : "bad-brackets/word");
  } else if (/[*?]/.test(word)) lintWildcard(word, refuses, report);
  else if (word.includes(":")) lintBareIpv6(word, report);
  else if (/^0[xX]([0-9a-fA-F]*\.?$|[0-9a-fA-F]+\.)/.test(word)) {
    report("bad-address/client", { word });
  } else if (/^[0-9.]+$/.test(word)) lintNumeric(word, report);
  else if (/^[0-9]+\.[0-9.]*-[0-9.]+$/.test(word)) report("address-range");
  else if (word.endsWith(".")) report("name-prefix", { name: word.slice(0, -1) });
  else if (!lintKeyword(word, "host", report) && isShortName(word)) report("short-name");
}

/** Whether a word is a name without a dot, other than `localhost` and the wildcards. */
function isShortName(word: string): boolean {
  return /^[\w-]+$/.test(word) && !isWildcard(word) && word.toLowerCase() !== "localhost";
}

function lintWildcard(word: string, refuses: boolean, report: Report): void {
  if (word.startsWith(".")) return report("wildcard-with-dot/start", { name: word.slice(1) });
  if (word.endsWith(".")) return report("wildcard-with-dot/end");
  if (/^[0-9]+\.[0-9.*?]*\*$/.test(word)) {
    // Nobody takes such a name to be refused.
    if (refuses) return;
    const prefix = /^([0-9]+\.){1,3}(?=\*$)/.exec(word)?.[0];
    return prefix === undefined
      ? report("wildcard-matches-names/other")
      : report("wildcard-matches-names/prefix", { prefix });
  }
  const nameless = [UNKNOWN, PARANOID].filter((name) =>
    matchesText({ kind: "wildcard", text: word }, name)
  );
  if (nameless.length === 0 || /^\*+$/.test(word)) return;
  report("wildcard-matches-nameless", { names: nameless.join(" or ") });
}

/** Checks an IPv6 address without brackets in a pattern file; in a list its colon ends the list. */
function lintBareIpv6(word: string, report: Report): void {
  if (ipv6Value(word) === undefined) report("ipv6-without-brackets/text");
  else report("ipv6-without-brackets/address", { address: word });
}

function lintNumeric(word: string, report: Report): void {
  if (word.startsWith(".")) return report("numeric-suffix");
  const isPrefix = word.endsWith(".");
  const parts = (isPrefix ? word.slice(0, -1) : word).split(".");
  if (parts.length > 4 || parts.some((part) => part === "" || Number(part) > 255)) {
    report("bad-address/client", { word });
  } else if (parts.some((part) => /^0[0-9]/.test(part))) {
    const decimal = parts.map(Number).join(".");
    report("leading-zero", { address: isPrefix ? `${decimal}.` : decimal });
  } else if (parts.length === 4) {
    if (isPrefix) report("address-with-dot", { address: word.slice(0, -1) });
  } else if (!isPrefix) report("prefix-without-dot", { prefix: word });
}
