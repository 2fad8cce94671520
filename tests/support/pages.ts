import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./room.ts";

/** A part of a page that does something, in the order of the page. */
export type Step =
  /** `sh`: a script whose commands all succeed. */
  | { readonly kind: "script"; readonly text: string }
  /** `console`: commands after prompts, and what each prints. */
  | { readonly kind: "transcript"; readonly commands: readonly Command[] }
  /** `log`: lines that the agent has sent to syslog. */
  | { readonly kind: "log"; readonly lines: readonly string[] }
  /** `LANGUAGE > FILE` or `LANGUAGE >> FILE`: a file, or lines that are added to one. */
  | {
    readonly kind: "file";
    readonly path: string;
    readonly added: boolean;
    readonly text: string;
  };

/** A command of a transcript. */
export interface Command {
  readonly line: string;
  /** What it prints, as {@link shown} reads it. */
  readonly output: string;
}

/** A section of a page: its heading, and the steps below it up to the next heading. */
export interface Section {
  readonly heading: string;
  readonly steps: readonly Step[];
}

const PROMPT = /^(?:(?:host|server) ?)?[$#] /;

/** Reads the sections of a page that have steps. */
export function sectionsOf(page: string): Section[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const sections = new Map<string, Step[]>();
  let heading = "";
  for (const match of text.matchAll(/^#+ (.*)$|^( *)```(.*)\n([^]*?)^ *```$/gm)) {
    const [, title, indent, info, body] = match;
    if (title !== undefined) {
      heading = title;
      continue;
    }
    const step = stepOf(info!, body!.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
    if (step === undefined) continue;
    sections.set(heading, [...sections.get(heading) ?? [], step]);
  }
  return Array.from(sections, ([heading, steps]) => ({ heading, steps }));
}

function stepOf(info: string, text: string): Step | undefined {
  if (info === "sh") return { kind: "script", text };
  if (info === "console") return { kind: "transcript", commands: commandsOf(text) };
  if (info === "log") return { kind: "log", lines: text.trimEnd().split("\n") };
  const target = /^[a-z]+ (>>?) (\/\S+)$/.exec(info);
  if (target === null) return undefined;
  const [, how, path] = target;
  return { kind: "file", path: path!, added: how === ">>", text };
}

function commandsOf(text: string): Command[] {
  const commands: Command[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    if (PROMPT.test(line)) commands.push({ line: line.replace(PROMPT, ""), output: "" });
    else {
      const last = commands.pop();
      if (last === undefined) throw new Error(`A transcript begins without a prompt: ${line}`);
      commands.push({ ...last, output: `${last.output}${line}\n` });
    }
  }
  return commands;
}

/** A pattern for what a page shows: a line `...` stands for any lines, `...` in a line for any text. */
export function shown(text: string): RegExp {
  const lines = text.split(/(?<=\n)/).map((line) => {
    if (line === "...\n") return "(?:.*\\n)*";
    return line.split("...").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join(
      ".*",
    );
  });
  return new RegExp(`^${lines.join("")}$`);
}
