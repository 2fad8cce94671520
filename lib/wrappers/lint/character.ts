/**
 * Characters that have no meaning in a list.
 */

const ODD_CHARACTERS = [
  [/;/, "semicolon"],
  [/["'`]/, "quotes"],
  [/[()]/, "parentheses"],
  [/^!/, "negation"],
  [/\\/, "backslash-in-list"],
  // deno-lint-ignore no-control-regex -- these very characters are looked for
  [/[\x0b\x0c]/, "not-a-blank/control"],
  [/\xc2\xa0|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xa0/, "not-a-blank/space"],
  [/[^\x21-\x7e]/, "odd-character/foreign"],
  [/[&|<>$={}^~#%](?![^[]*\])/, "odd-character/punctuation"],
] as const;

/** The case for the first kind of odd character that a word holds. */
export function oddCharacter(word: string): (typeof ODD_CHARACTERS)[number][1] | undefined {
  if (/^[\w.:[\]/*?@-]*$/.test(word)) return undefined;
  return ODD_CHARACTERS.find(([found]) => found.test(word))?.[1];
}
