import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./room.ts";

/** An entry of a list of a manual page: its heads, and the text below them without macros. */
export interface ManualEntry {
  /** The section or subsection that the list is in. */
  readonly section: string;
  /** The lines of `.It`, without that. Entries that share their text have several. */
  readonly heads: readonly string[];
  readonly text: string;
}

/** The entries of all lists of a page of deploy/man/. Nested lists are read as if they were not. */
export function manualEntries(page: string): readonly ManualEntry[] {
  const entries: { section: string; heads: string[]; lines: string[] }[] = [];
  let section = "";
  let open = false;
  for (const line of readFileSync(join(ROOT, "deploy/man", page), "utf8").split("\n")) {
    const [, macro, rest = ""] = /^\.(\w+) ?(.*)$/.exec(line) ?? [];
    if (macro === "Sh" || macro === "Ss") section = rest;
    if (macro === "It") {
      const last = entries.at(-1);
      if (open && last?.lines.length === 0) last.heads.push(rest);
      else entries.push({ section, heads: [rest], lines: [] });
      open = true;
    } else if (macro === "El" || macro === "Sh" || macro === "Ss") open = false;
    else if (open && !line.startsWith('.\\"')) entries.at(-1)!.lines.push(rest || line);
  }
  return entries.map(({ section, heads, lines }) => ({
    section,
    heads,
    text: lines.join(" ").replaceAll(/ (?=[.,;:](?: |$))/g, ""),
  }));
}

/** The words of the options of a head, `c , -config Ar file` say. */
export function optionWords(head: string): readonly string[] {
  const [, words] = /^Fl (.*?)(?: Ar .*)?$/.exec(head) ?? [];
  return words?.split(" , ").map((word) => `-${word}`) ?? [];
}
