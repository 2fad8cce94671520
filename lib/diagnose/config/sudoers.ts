/**
 * Whether sudo(8) would run a command for a user without a password and a terminal, from sudoers(5).
 * The files are read instead of asking `sudo -l`, which logs, may send mail, and may ask a server.
 */
import { configFiles } from "../../config/config_files.ts";

/** The main file, as Debian and Red Hat build sudo. */
export const SUDOERS = "/etc/sudoers";

/** What is asked: a command of a user. */
export interface SudoQuestion {
  readonly user: string;
  readonly uid: number;
  /** Names and numbers of the groups of the user. */
  readonly groups: readonly { readonly name: string | undefined; readonly gid: number }[];
  readonly host: string;
  /** Whom the command is to run as. */
  readonly target: string;
  /** The path of the command. */
  readonly file: string;
  /** Its arguments; undefined where they are not known. */
  readonly args: readonly string[] | undefined;
}

/** The answer. */
export type SudoAnswer =
  | { readonly kind: "runs" | "no rule" | "password" }
  /** `where` is the file and line of the setting. */
  | { readonly kind: "requiretty"; readonly where: string }
  | { readonly kind: "not known"; readonly reason: string };

/** A rule or a setting, without comments and continued lines. */
interface Line {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** The most files that are read, and how deep they may include each other. */
const MOST_FILES = 200;
const DEEPEST = 16;

/** The sudoers of this host, read once. */
export interface Sudoers {
  readonly lines: readonly Line[];
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** Why they are not all there is. */
  readonly incomplete: string | undefined;
}

/** Reads sudoers with its includes. */
export function readSudoers(path = SUDOERS, nsswitch = "/etc/nsswitch.conf"): Sudoers {
  const lines: Line[] = [];
  let incomplete: string | undefined;
  let files = 0;
  const readOne = (file: string, depth: number) => {
    const result = files++ < MOST_FILES && depth < DEEPEST
      ? configFiles.read(file)
      : { kind: "failure", reason: "too many files" } as const;
    if (result.kind !== "content") {
      if (depth === 0 || result.kind === "failure") incomplete ??= `${file}: ${result.reason}`;
      return;
    }
    for (const line of logicalLines(file, result.content)) {
      const include = /^[#@](include|includedir)\s+"?([^"]+?)"?\s*$/.exec(line.text);
      if (include === null) {
        // A number after it is a user's.
        if (!/^(#(?!-?\d)|$)/.test(line.text)) lines.push(line);
        continue;
      }
      const name = include[2]!;
      const full = name.startsWith("/") ? name : `${file.slice(0, file.lastIndexOf("/"))}/${name}`;
      if (include[1] === "include") readOne(full, depth + 1);
      else {
        const listing = configFiles.list(full);
        if (listing.kind === "failure") incomplete ??= `${full}: ${listing.reason}`;
        if (listing.kind !== "content") continue;
        for (const entry of [...listing.content.files].sort()) {
          // See sudoers(5): names with a dot and those that end with ~ are skipped.
          if (!entry.includes(".") && !entry.endsWith("~")) readOne(`${full}/${entry}`, depth + 1);
        }
      }
    }
  };
  readOne(path, 0);
  const switches = configFiles.read(nsswitch);
  const source = switches.kind === "content"
    ? /^sudoers:[ \t]*.*\b(ldap|sss)\b/m.exec(switches.content)?.[1]
    : undefined;
  if (source !== undefined) incomplete ??= `${nsswitch} names ${source} for rules of sudo as well`;
  return { lines, aliases: aliasesOf(lines), incomplete };
}

function logicalLines(file: string, text: string): readonly Line[] {
  const lines: Line[] = [];
  let begun: { line: number; text: string } | undefined;
  text.split("\n").forEach((physical, at) => {
    const continued = physical.endsWith("\\");
    const part = continued ? physical.slice(0, -1) : physical;
    begun ??= { line: at + 1, text: "" };
    begun.text += part;
    if (continued) return;
    lines.push({ file, line: begun.line, text: withoutComment(begun.text.trim()) });
    begun = undefined;
  });
  return lines;
}

/** A `#` begins a comment, except in front of a number and at the start, where it may be an include. */
function withoutComment(text: string): string {
  return text.replace(/(?<=.)(?<!\\)#(?!\d).*$/, "").trim();
}

function aliasesOf(lines: readonly Line[]): Map<string, readonly string[]> {
  const aliases = new Map<string, readonly string[]>();
  for (const { text } of lines) {
    const match = /^(?:User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)$/.exec(text);
    for (const definition of match === null ? [] : split(match[1]!, ":")) {
      const equals = definition.indexOf("=");
      if (equals < 0) continue;
      aliases.set(definition.slice(0, equals).trim(), split(definition.slice(equals + 1), ","));
    }
  }
  return aliases;
}

/** Splits at a mark that no backslash escapes and that is in no parentheses or quotes. */
function split(text: string, mark: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === "\\") {
      part += letter + (text[++at] ?? "");
      continue;
    }
    if (letter === '"') quoted = !quoted;
    if (letter === "(") depth++;
    if (letter === ")") depth--;
    if (letter === mark && depth === 0 && !quoted) {
      parts.push(part.trim());
      part = "";
    } else part += letter;
  }
  parts.push(part.trim());
  return parts.filter((one) => one !== "");
}

/** Answers by the last rule that matches, as sudo does. */
export function askSudoers(sudoers: Sudoers, question: SudoQuestion): SudoAnswer {
  const { lines, incomplete } = sudoers;
  let answer: "runs" | "no rule" | "password" = "no rule";
  for (const { text } of lines) {
    if (/^(Defaults|\w+_Alias)\b/.test(text)) continue;
    for (const found of rulesIn(text, sudoers, question)) answer = found;
  }
  const authenticate = lastSetting(sudoers, question, "authenticate");
  if (answer === "password" && authenticate?.value === false) answer = "runs";
  if (answer !== "runs" && incomplete !== undefined) {
    return { kind: "not known", reason: incomplete };
  }
  const terminal = lastSetting(sudoers, question, "requiretty");
  if (answer === "runs" && terminal?.value === true) {
    return { kind: "requiretty", where: `${terminal.file}:${terminal.line}` };
  }
  return { kind: answer };
}

/** What the parts of a rule that match say, in their order. */
function rulesIn(
  text: string,
  sudoers: Sudoers,
  question: SudoQuestion,
): readonly ("runs" | "no rule" | "password")[] {
  const found: ("runs" | "no rule" | "password")[] = [];
  const equals = text.indexOf("=");
  const lists = text.slice(0, equals).trim().replace(/\s*,\s*/g, ",");
  const head = /^((?:"[^"]*"|\\.|\S)+)\s+(\S+)$/.exec(lists);
  if (equals < 0 || head === null) return [];
  const users = split(head[1]!, ",");
  if (!matchesList(users, sudoers, (user) => isUser(user, question))) return [];
  const parts = split(text, ":");
  // A tag ends with a colon, too: only what holds an = begins another list of hosts.
  const rules: string[] = [];
  for (const part of parts) {
    if (rules.length === 0 || /^[^(/"]+=\s*[(/A-Z!]/.test(part)) rules.push(part);
    else rules.push(`${rules.pop()}:${part}`);
  }
  rules.forEach((rule, at) => {
    const own = at === 0 ? `${head[2]}${rule.slice(rule.indexOf("="))}` : rule;
    const equals = own.indexOf("=");
    const isHost = (host: string) => host === "ALL" || host.split(".")[0] === question.host;
    if (!matchesList(split(own.slice(0, equals), ","), sudoers, isHost)) return;
    found.push(...commandsIn(own.slice(equals + 1), sudoers, question));
  });
  return found;
}

function commandsIn(
  text: string,
  sudoers: Sudoers,
  question: SudoQuestion,
): readonly ("runs" | "no rule" | "password")[] {
  const found: ("runs" | "no rule" | "password")[] = [];
  let asks = true;
  let targets: readonly string[] = ["root"];
  for (let command of split(text, ",")) {
    const runas = /^\(([^)]*)\)\s*/.exec(command);
    if (runas !== null) {
      const list = runas[1]!.split(":")[0]!;
      targets = list.trim() === "" ? [question.user] : split(list, ",");
      command = command.slice(runas[0].length);
    }
    for (let tag; (tag = /^([A-Z_]+):\s*/.exec(command)) !== null;) {
      if (tag[1] === "NOPASSWD") asks = false;
      if (tag[1] === "PASSWD") asks = true;
      command = command.slice(tag[0].length);
    }
    const isTarget = (target: string) => target === "ALL" || target === question.target;
    if (!matchesList(targets, sudoers, isTarget)) continue;
    const verdict = verdictOf(command, sudoers, question, 0);
    if (verdict !== undefined) found.push(!verdict ? "no rule" : asks ? "password" : "runs");
  }
  return found;
}

/** Whether a command of a rule allows or forbids what is asked; undefined where it does not match. */
function verdictOf(
  command: string,
  sudoers: Sudoers,
  question: SudoQuestion,
  depth: number,
): boolean | undefined {
  if (command.startsWith("!")) {
    const verdict = verdictOf(command.slice(1).trim(), sudoers, question, depth);
    return verdict === undefined ? undefined : !verdict;
  }
  if (command === "ALL") return true;
  const alias = depth < DEEPEST ? sudoers.aliases.get(command) : undefined;
  if (alias !== undefined) {
    let verdict: boolean | undefined;
    for (const one of alias) verdict = verdictOf(one, sudoers, question, depth + 1) ?? verdict;
    return verdict;
  }
  const plain = command.replace(/^(sha\d+:\S+\s*,?\s*)+/, "");
  const blank = /\s/.exec(plain);
  const path = unescape(blank === null ? plain : plain.slice(0, blank.index));
  const inDirectory = path.endsWith("/") && question.file.startsWith(path) &&
    !question.file.slice(path.length).includes("/");
  if (!inDirectory && !matchesGlob(path, question.file)) return undefined;
  if (blank === null || question.args === undefined) return true;
  const args = unescape(plain.slice(blank.index).trim());
  const given = question.args.join(" ");
  return (args === '""' ? given === "" : matchesGlob(args, given)) ? true : undefined;
}

function unescape(text: string): string {
  return text.replace(/\\([,:=\\ ])/g, "$1");
}

/** fnmatch(3) of `*`, `?` and `[...]`. */
function matchesGlob(pattern: string, text: string): boolean {
  const expression = pattern.replace(/[.+^${}()|\\]/g, "\\$&").replaceAll("*", ".*")
    .replaceAll("?", ".").replaceAll("[!", "[^");
  try {
    return new RegExp(`^${expression}$`, "s").test(text);
  } catch {
    // A bracket without its partner.
    return pattern === text;
  }
}

/** Whether the last item of a list that matches is one without `!`. */
function matchesList(
  list: readonly string[],
  sudoers: Sudoers,
  matches: (item: string) => boolean,
  depth = 0,
): boolean {
  let result = false;
  for (const item of list) {
    const negated = item.startsWith("!");
    const name = negated ? item.slice(1).trim() : item;
    const alias = depth < DEEPEST ? sudoers.aliases.get(name) : undefined;
    const matched = alias === undefined
      ? matches(name)
      : matchesList(alias, sudoers, matches, depth + 1);
    if (matched) result = !negated;
  }
  return result;
}

function isUser(item: string, { user, uid, groups }: SudoQuestion): boolean {
  const name = item.replace(/^"(.*)"$/, "$1");
  if (name === "ALL" || name === user || name === `#${uid}`) return true;
  if (!name.startsWith("%")) return false;
  return groups.some((group) => name === `%${group.name}` || name === `%#${group.gid}`);
}

/** The last `Defaults` of a flag that concerns the user, wherever the command does not matter. */
function lastSetting(
  sudoers: Sudoers,
  question: SudoQuestion,
  flag: string,
): (Line & { readonly value: boolean }) | undefined {
  let last: (Line & { readonly value: boolean }) | undefined;
  for (const line of sudoers.lines) {
    const match = /^Defaults(?:([:!>@])\s*(\S+))?\s+(.*)$/.exec(line.text);
    if (match === null) continue;
    const [, kind, whom = "", settings = ""] = match;
    const list = split(whom, ",");
    const concerns = kind === undefined ||
      (kind === ":" && matchesList(list, sudoers, (user) => isUser(user, question))) ||
      (kind === ">" && matchesList(list, sudoers, (one) => one === question.target)) ||
      (kind === "@" && matchesList(list, sudoers, (one) => one === question.host)) ||
      (kind === "!" && list.some((one) => verdictOf(one, sudoers, question, 0) === true));
    for (const setting of concerns ? split(settings, ",") : []) {
      if (setting === flag || setting === `!${flag}`) last = { ...line, value: setting === flag };
    }
  }
  return last;
}
