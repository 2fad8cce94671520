import { joinParts, type Part, partsOf, type Word } from "./macros.ts";

/** The words of a definition, or why it has none that mean the same as in a shell. */
export type Splitting =
  | { readonly kind: "words"; readonly words: readonly Word[] }
  /** It is no command in a shell either. */
  | { readonly kind: "broken"; readonly reason: string }
  /** It means something else in a shell: what, and what it is called. */
  | { readonly kind: "shell syntax"; readonly reason: string };

/** What stands after a character. */
const MACRO = "macro";
const END = "";

/**
 * Splits a definition into words, as sh(1) does but without expanding anything: POSIX.1-2017, XCU 2.2
 * and 2.3. Blanks separate words; `'`, `"` and `\` quote. Whatever else a shell would act upon is
 * refused, since its meaning would change silently. Macros are read first, as by the C agent, so quotes
 * within an argument quote nothing.
 *
 * @param definition A definition, or a prefix, without blanks at its ends. The first word is a program; no client chooses it.
 * @param begins Whether the first word is where a shell would look for its own words.
 */
export function splitDefinition(definition: string, begins: boolean): Splitting {
  const parts = partsOf(definition);
  const words: Part[][] = [];
  let word: Part[] | undefined;
  let quote = "";
  const add = (part: Part) => {
    word ??= [];
    const last = word.length - 1;
    if (typeof part === "string" && typeof word[last] === "string") word[last] += part;
    else word.push(part);
  };
  for (let number = 0; number < parts.length; number++) {
    const part = parts[number]!;
    if (typeof part === "number") {
      add(part);
      continue;
    }
    for (let at = 0; at < part.length; at++) {
      const letter = part[at]!;
      const next = part[at + 1] ?? (number + 1 < parts.length ? MACRO : END);
      if (letter === quote) quote = "";
      else if (quote === "'") add(letter);
      else if (letter === "\\") {
        if (next === MACRO) return broken("a backslash stands before a macro: leave it out");
        if (next === END) return broken("it ends with a backslash");
        const quotes = quote === "" || '$`"\\'.includes(next);
        add(quotes ? next : letter);
        if (quotes) at++;
      } else if (letter === "$" && isExpansion(next, quote)) {
        return shellSyntax(next === "(" ? "$(" : "$", next === "(" ? SUBSTITUTION : "a variable");
      } else if (letter === "`") return shellSyntax(letter, SUBSTITUTION);
      else if (quote === '"') add(letter);
      else if (letter === "'" || letter === '"') {
        quote = letter;
        add("");
      } else if (letter === " " || letter === "\t") {
        if (word !== undefined) words.push(word);
        word = undefined;
      } else if (letter === "#" && word === undefined) return shellSyntax(letter, "a comment");
      else {
        const syntax = SYNTAX[letter];
        if (syntax !== undefined) return shellSyntax(letter, syntax);
        add(letter);
      }
    }
  }
  if (quote !== "") return broken(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return aboutProgram(words, definition, begins) ?? { kind: "words", words };
}

const SUBSTITUTION = "a command substitution";

/** What a shell acts upon where it is not quoted. */
const SYNTAX: Readonly<Record<string, string>> = {
  "|": "a pipe",
  "&": "a background command",
  ";": "a second command",
  "\n": "a second command",
  "<": "a redirection",
  ">": "a redirection",
  "(": "a subshell",
  ")": "a subshell",
  "*": "a pattern of file names",
  "?": "a pattern of file names",
  "[": "a pattern of file names",
  // Some shells only, bash(1) as sh among them.
  "{": "a list of words",
  "~": "a home directory",
};

/** Words that are commands or syntax of the shell itself: POSIX.1-2017, XCU 2.4 and 2.14. */
const SHELL_WORDS = " ! { } case do done elif else esac fi for if in then until while break : " +
  "continue . eval exec exit export readonly return set shift times trap unset alias cd command " +
  "ulimit umask unalias ";

/** Whether a shell expands a `$` with that behind it. */
function isExpansion(next: string, quote: string): boolean {
  if (next === MACRO) return true;
  if (next === END) return false;
  if (next === "'" || next === '"') return quote === "";
  return isNameLetter(next.charCodeAt(0)) || "@*#?-$!{(".includes(next);
}

/** Letters, digits and `_`. */
function isNameLetter(byte: number): boolean {
  const letter = byte | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || isDigit(byte) || byte === 0x5f;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** What is wrong with the program; undefined where nothing is. */
function aboutProgram(
  words: readonly Word[],
  definition: string,
  begins: boolean,
): Splitting | undefined {
  const [program] = words;
  if (program === undefined || (program.length === 1 && program[0] === "")) {
    return broken("it names no program");
  }
  for (const part of program) {
    if (typeof part === "number") {
      return broken(`a client would choose the program by $ARG${part}$`);
    }
  }
  if (!begins) return undefined;
  const name = joinParts(program, []);
  if (SHELL_WORDS.includes(` ${name} `)) return shellSyntax(name, "a part of the shell");
  return isAssignment(definition)
    ? shellSyntax(`${name.slice(0, name.indexOf("="))}=`, "a variable for /usr/bin/env to set")
    : undefined;
}

/** Whether a shell takes a word for an assignment: `NAME=value`, the name not quoted. */
export function isAssignment(word: string): boolean {
  let at = 0;
  while (isNameLetter(word.charCodeAt(at))) at++;
  return at > 0 && word[at] === "=" && !isDigit(word.charCodeAt(0));
}

function broken(reason: string): Splitting {
  return { kind: "broken", reason };
}

function shellSyntax(what: string, name: string): Splitting {
  return { kind: "shell syntax", reason: `${what} is ${name}` };
}
