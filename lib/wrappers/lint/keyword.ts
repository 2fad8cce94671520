/**
 * Words that look like a wildcard or an operator but are none.
 */
import { nearest } from "../../nearest.ts";
import type { Report } from "./finding.ts";

/** What a word is compared with. */
type WordRole = "host" | "daemon" | "user";

/** Words of other languages, and those of this one. */
const SYNONYMS: Readonly<Record<string, string>> = {
  any: "ALL",
  anyone: "ALL",
  anybody: "ALL",
  anywhere: "ALL",
  every: "ALL",
  everyone: "ALL",
  everybody: "ALL",
  everything: "ALL",
  everywhere: "ALL",
  world: "ALL",
  but: "EXCEPT",
  not: "EXCEPT",
  and: "a comma",
  or: "a comma",
};

const WILDCARDS: readonly string[] = ["all", "local", "known", "unknown", "paranoid"];
const KEYWORDS: readonly string[] = [...WILDCARDS, "except"];
const LONG_KEYWORDS = KEYWORDS.filter((word) => word.length >= 6);

/** Whether a word is a wildcard, in any case. */
export function isWildcard(word: string): boolean {
  return WILDCARDS.includes(word.toLowerCase());
}

/** Wildcards for hosts that are plain names where a daemon or a user is compared. */
const LITERAL: Readonly<Record<WordRole, readonly string[]>> = {
  host: [],
  daemon: ["local", "unknown", "paranoid"],
  user: ["local", "paranoid"],
};

/** Checks a word that is compared literally; returns whether it has reported anything. */
export function lintKeyword(word: string, role: WordRole, report: Report): boolean {
  const lower = word.toLowerCase();
  if (KEYWORDS.includes(lower)) {
    const literal = role !== "host" && LITERAL[role].includes(lower);
    if (literal) report(`wildcard-not-for-${role}s`, { word: word.toUpperCase() });
    return literal;
  }
  const meant = SYNONYMS[lower] ?? misspelt(word, lower)?.toUpperCase();
  if (meant !== undefined) report("unknown-wildcard/meant", { word, role, meant });
  else if (role === "host" && /^[A-Z]{3,}$/.test(word) && word !== "LOCALHOST") {
    report("unknown-wildcard/capitals", { word });
  } else return false;
  return true;
}

/** The keyword that is meant. A short word in small letters is probably a name. */
function misspelt(word: string, lower: string): string | undefined {
  if (!/^[a-z]+$/.test(lower)) return undefined;
  return nearest(lower, word === word.toUpperCase() ? KEYWORDS : LONG_KEYWORDS);
}
