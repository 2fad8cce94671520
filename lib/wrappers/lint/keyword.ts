/**
 * Words that look like a wildcard or an operator of the language and are none.
 */
import { nearest } from "../../nearest.ts";
import { type Complaint, complaint } from "./finding.ts";

/** What a word is compared with. */
export type WordRole = "host" | "daemon" | "user";

/** Words of other languages, and what says the same here. */
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

const KEYWORDS: readonly string[] = ["all", "local", "known", "unknown", "paranoid", "except"];

/** What is wrong with a word that is compared as it stands. */
export function lintKeyword(word: string, role: WordRole): readonly Complaint[] {
  const lower = word.toLowerCase();
  if (KEYWORDS.includes(lower)) return lintMisplaced(word, role);
  const synonym = SYNONYMS[lower];
  const meant = synonym ?? misspelt(word, lower)?.toUpperCase();
  if (meant !== undefined) {
    return [complaint(
      "error",
      "unknown-wildcard",
      `${word} is no word of the language: it is taken for the name of a ${role}`,
      `write ${meant}`,
    )];
  }
  if (role === "host" && /^[A-Z]{3,}$/.test(word) && word !== "LOCALHOST") {
    return [complaint(
      "warning",
      "unknown-wildcard",
      `${word} is no wildcard: it is taken for the name of a host`,
      "the wildcards are ALL LOCAL KNOWN UNKNOWN PARANOID",
    )];
  }
  return [];
}

/** The keyword that is meant; in small letters a word more easily is a name. */
function misspelt(word: string, lower: string): string | undefined {
  if (!/^[a-z]+$/.test(lower)) return undefined;
  const capitals = word === word.toUpperCase();
  const found = nearest(lower, KEYWORDS);
  if (found === undefined || (!capitals && found.length < 6)) return undefined;
  return found;
}

function lintMisplaced(word: string, role: WordRole): readonly Complaint[] {
  const upper = word.toUpperCase();
  const literal = role === "daemon"
    ? ["LOCAL", "UNKNOWN", "PARANOID"]
    : role === "user"
    ? ["LOCAL", "PARANOID"]
    : [];
  return literal.includes(upper)
    ? [complaint(
      "error",
      `wildcard-not-for-${role}s`,
      `${upper} means nothing for a ${role}: it is taken for a name`,
    )]
    : [];
}
