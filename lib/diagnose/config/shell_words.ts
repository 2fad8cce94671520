/**
 * The simple commands of a shell command line, as far as they can be told without running it.
 * See "Shell Command Language" of POSIX.1-2017, 2.2 to 2.9.
 */

import { isAssignment } from "../../config/definition_words.ts";

/** A word; undefined where only the shell knows what it becomes. */
export type Word = string | undefined;

/** Words that begin or end a compound command and may stand before a simple one. */
const RESERVED = ["if", "then", "elif", "else", "do", "while", "until", "!", "{", "time"];
/** Words that begin something else than a simple command. */
const NO_COMMAND = ["for", "case", "select", "function", "}", "fi", "done", "esac", "[["];

/** Splits a command line. Commands in $(...) and backquotes are not among them. */
export function simpleCommands(line: string): readonly (readonly Word[])[] {
  const commands: Word[][] = [[]];
  let text = "";
  let open = false;
  let known = true;
  let target = false;
  const endWord = () => {
    if (open && !target) commands.at(-1)!.push(known ? text : undefined);
    if (open) target = false;
    text = "";
    open = false;
    known = true;
  };
  for (let at = 0; at < line.length; at++) {
    const letter = line[at]!;
    if (" \t".includes(letter)) endWord();
    else if (";&|()\n".includes(letter)) {
      endWord();
      commands.push([]);
    } else if (letter === "<" || letter === ">") {
      // A number before it is a descriptor.
      if (/^[0-9]+$/.test(text)) open = false;
      endWord();
      while (">|<&".includes(line[at + 1] ?? "x")) at++;
      target = true;
    } else if (letter === "#" && !open) break;
    else {
      open = true;
      if (letter === "'") {
        const end = closing(line, "'", at + 1);
        text += line.slice(at + 1, end);
        at = end;
      } else if (letter === '"') {
        for (at++; at < line.length && line[at] !== '"'; at++) {
          if (line[at] === "\\" && '$`"\\'.includes(line[at + 1] ?? "x")) at++;
          else if (line[at] === "$" || line[at] === "`") known = false;
          text += line[at] ?? "";
        }
      } else if (letter === "\\") text += line[++at] ?? "";
      else if (letter === "`") {
        known = false;
        at = closing(line, "`", at + 1);
      } else if (letter === "$") {
        known = false;
        if (line[at + 1] === "(") at = closingParenthesis(line, at + 2);
      } else {
        if (letter === "*" || letter === "?" || (letter === "~" && text === "")) known = false;
        text += letter;
      }
    }
  }
  endWord();
  return commands.map(withoutPrelude).filter((words) => words.length > 0);
}

function closing(line: string, mark: string, from: number): number {
  const end = line.indexOf(mark, from);
  return end < 0 ? line.length : end;
}

function closingParenthesis(line: string, from: number): number {
  let depth = 1;
  for (let at = from; at < line.length; at++) {
    if (line[at] === "(") depth++;
    else if (line[at] === ")" && --depth === 0) return at;
  }
  return line.length;
}

/** A command without reserved words and assignments before it; empty where it is none. */
function withoutPrelude(words: readonly Word[]): readonly Word[] {
  let start = 0;
  for (; start < words.length; start++) {
    const word = words[start];
    if (word === undefined) break;
    if (NO_COMMAND.includes(word)) return [];
    if (!RESERVED.includes(word) && !isAssignment(word)) break;
  }
  return words.slice(start);
}
