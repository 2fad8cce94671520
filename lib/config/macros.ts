/** A part of a command definition: text, or the number of an argument, which stands in its place. */
export type Part = string | number;

/**
 * A word of a definition, which becomes one argument of the program. A word that has quotes has a text
 * among its parts, perhaps an empty one.
 */
export type Word = readonly Part[];

/**
 * Splits a definition at its macros, as the C agent reads them.
 *
 * `$ARG1$` to `$ARG16$` stand for that argument; `$$` is one `$`. Of another name that begins with
 * `ARG`, the digits that follow are the number of the argument; without digits it is nothing. Any other
 * `$name$` and an unpaired `$` stay. No two texts follow each other, and none is empty.
 */
export function partsOf(definition: string): readonly Part[] {
  const parts: Part[] = [];
  let text = "";
  let start = 0;
  for (;;) {
    const open = definition.indexOf("$", start);
    const close = open < 0 ? -1 : definition.indexOf("$", open + 1);
    if (close < 0) {
      text += definition.slice(start);
      if (text !== "") parts.push(text);
      return parts;
    }
    text += definition.slice(start, open);
    const part = partFor(definition.slice(open + 1, close));
    if (typeof part === "string") text += part;
    else {
      if (text !== "") parts.push(text);
      parts.push(part);
      text = "";
    }
    start = close + 1;
  }
}

function partFor(name: string): Part {
  if (name === "") return "$";
  if (!name.startsWith("ARG")) return `$${name}$`;
  const number = /^[0-9]+/.exec(name.slice(3))?.[0];
  return number === undefined ? "" : Number(number);
}

/** Expands the macros of a definition. Arguments that are missing are empty; none is expanded. */
export function expandMacros(definition: string, args: readonly string[]): string {
  return joinParts(partsOf(definition), args);
}

/** Text with arguments in their places. */
export function joinParts(parts: readonly Part[], args: readonly string[]): string {
  let text = "";
  // The first use of an iterator costs page faults.
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at]!;
    text += typeof part === "string" ? part : args[part - 1] ?? "";
  }
  return text;
}

/**
 * The arguments of a program, from argv[0] on. As in a shell, a word of macros alone that are all empty
 * is left out, and one with quotes is kept.
 */
export function expandWords(words: readonly Word[], args: readonly string[]): readonly string[] {
  const argv: string[] = [];
  for (const word of words) {
    const text = joinParts(word, args);
    if (text !== "" || isQuoted(word)) argv.push(text);
  }
  return argv;
}

function isQuoted(word: Word): boolean {
  for (const part of word) if (typeof part === "string") return true;
  return false;
}
