/**
 * Characters that people write in lists and that mean nothing there.
 */
import { type Complaint, complaint } from "./finding.ts";

interface OddCharacter {
  readonly found: RegExp;
  readonly code: string;
  readonly message: string;
  readonly suggestion: string;
}

const ODD_CHARACTERS: readonly OddCharacter[] = [
  {
    found: /;/,
    code: "semicolon",
    message: "a semicolon separates nothing here: all of this is one word",
    suggestion: "separate by commas or blanks",
  },
  {
    found: /["'`]/,
    code: "quotes",
    message: "quotes are part of the word, so this matches nobody",
    suggestion: "leave the quotes out",
  },
  {
    found: /[()]/,
    code: "parentheses",
    message: "there are no parentheses: they are part of the word, so this matches nobody",
    suggestion: "leave them out; a EXCEPT b EXCEPT c means a EXCEPT (b EXCEPT c)",
  },
  {
    found: /^!/,
    code: "negation",
    message: "! negates nothing here: it is part of the word, so this matches nobody",
    suggestion: "write EXCEPT before what is to be left out",
  },
  {
    found: /\\/,
    code: "backslash-in-list",
    message: "a backslash protects nothing in a list: it is part of the word",
    suggestion: "leave the backslash out",
  },
  {
    // deno-lint-ignore no-control-regex -- these very characters are looked for
    found: /[\x0b\x0c]/,
    code: "not-a-blank",
    message: "vertical tab and form feed are no blanks: all of this is one word",
    suggestion: "write a blank instead",
  },
  {
    found: /\xc2\xa0|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xa0/,
    code: "not-a-blank",
    message:
      "a blank of another kind stands here (no-break space or the like): it separates nothing",
    suggestion: "write a plain blank instead",
  },
  {
    found: /[^\x21-\x7e]/,
    code: "odd-character",
    message: "a character that no name or address holds, so this matches nobody",
    suggestion: "write a name as DNS has it (xn--...)",
  },
  {
    found: /[&|<>$={}^~#%](?![^[]*\])/,
    code: "odd-character",
    message: "a character that no name or address holds, so this matches nobody",
    suggestion: "separate words by commas or blanks",
  },
];

/** The complaint about the first kind of odd character that a word holds. */
export function oddCharacter(word: string): Complaint | undefined {
  if (/^[\w.:[\]/*?@-]*$/.test(word)) return undefined;
  const odd = ODD_CHARACTERS.find(({ found }) => found.test(word));
  return odd && complaint("error", odd.code, odd.message, odd.suggestion);
}
