import { isDirective, readCommandDirectiveName } from "./command_directive_name.ts";
import { skipCommandLines } from "./command_lines.ts";
import type { FindingCode, Position } from "./config.ts";
import { nearest } from "../nearest.ts";
import type { Directive, Reading } from "./directive.ts";
import { at, doubt, type Draft, report, shortened, type Unreadable } from "./draft.ts";
import { type ConfigLine, type LineError, LONGEST_CONFIG_LINE, parseLine } from "./parse_line.ts";
import { COMMAND_DIRECTIVES, type CommandDirectiveName, DIRECTIVES } from "./settings.ts";

const HASH = 0x23;

/** Reads the file that a configuration begins with, and its includes. */
export function readFirst(draft: Draft, path: string): void {
  const failure = readLines(draft, path, []);
  if (failure !== undefined) {
    const position = { file: path, line: 0 };
    report(draft, "error", "config-unreadable", position, unreadableFile(path, failure));
  }
}

/** A client without a certificate would get past `ssl_allowed_subjects`. */
export function checkSubjects(draft: Draft): void {
  const { settings, positions } = draft;
  const needed = settings.ssl_enabled === false
    ? "TLS, which ssl_enabled=0 turns off"
    : settings.ssl_client_certs === 2
    ? undefined
    : "ssl_client_certs=2, or clients connect without a certificate";
  if (needed === undefined) return;
  const position = positions.get("ssl_allowed_subjects")!;
  const message = at(position, "Invalid ssl_allowed_subjects specified");
  report(draft, "error", "invalid-value", position, `${message}: it needs ${needed}`);
}

/** Reads a file into the draft; returns why it could not be read. */
function readLines(draft: Draft, path: string, chain: readonly string[]): Unreadable | undefined {
  const result = draft.files.read(path);
  if (result.kind !== "content") return result;
  const text = result.content;
  const nul = text.indexOf("\0");
  let line = 0;
  for (let start = 0; start < text.length;) {
    if (draft.unread !== undefined) {
      const { end, lines } = skipCommandLines(text, start, nul < 0 ? Infinity : nul);
      if (lines > 0) {
        draft.unread.push({ file: path, text, start, end, line: line + 1 });
        line += lines;
        start = end;
        continue;
      }
    }
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    line++;
    if (nul >= start && nul < end) {
      const position = { file: path, line };
      const message = `${at(position, "Not a text file")}: it holds a NUL byte`;
      report(draft, "error", "nul-byte", position, message);
      return undefined;
    }
    // Most lines are comments, and every check under inetd skips them.
    if (text.charCodeAt(start) !== HASH || end - start > LONGEST_CONFIG_LINE) {
      const position = { file: path, line };
      const content = text.slice(start, end);
      const parsed = parseLine(content);
      if (parsed.kind === "error" && beginsObject(content)) {
        const message = `${
          at(position, parsed.reason)
        }: a definition of Nagios objects begins here`;
        report(draft, "error", "nagios-objects", position, `${message}; the rest is not read`);
        return undefined;
      }
      takeLine(draft, parsed, position, chain);
      if (parsed.kind === "error" && parsed.reason === "Line too long") return undefined;
    }
    start = end + 1;
  }
  return undefined;
}

/** Whether a line begins a definition of the monitoring server's, `define host {`. */
function beginsObject(line: string): boolean {
  return /^\s*define\s+[a-z]+\s*(\{|$)/i.test(line);
}

function takeLine(
  draft: Draft,
  line: ConfigLine,
  position: Position,
  chain: readonly string[],
): void {
  switch (line.kind) {
    case "nothing":
      return;
    case "error": {
      const message = at(position, line.reason) + explainLineError(line.reason);
      report(draft, "error", LINE_ERRORS[line.reason], position, message);
      return;
    }
    case "command": {
      const { name, value } = line;
      if (line.doubt !== undefined) {
        doubt(draft, "misread-name", position, `command[${name}]`, line.doubt);
      }
      if (draft.unread !== undefined) {
        draft.unread.push({ name, line: value, position });
        return;
      }
      const earlier = draft.commands.get(name);
      // A later file may override an earlier one.
      if (earlier?.position.file === position.file) {
        const where = `${earlier.position.file}:${earlier.position.line}`;
        const about = `it replaces the one in ${where}`;
        doubt(draft, "duplicate-command", position, `command[${name}]`, about);
      }
      draft.commands.set(name, { name, line: value, position });
      return;
    }
    case "directive":
      if (line.doubt !== undefined) {
        doubt(draft, "misread-name", position, line.name, line.doubt);
      }
      if (line.name === "include" || line.name === "include_file") {
        include(draft, line.value, position, chain);
      } else if (line.name === "include_dir") {
        includeDirectory(draft, line.value, position, chain);
      } else setDirective(draft, line.name, line.value, position);
  }
}

function setDirective(draft: Draft, name: string, value: string, position: Position): void {
  if (!isDirective(name)) return setCommandDirective(draft, name, value, position);
  const directive: Directive<unknown> = DIRECTIVES[name];
  const reading = readValue(draft, directive, name, value, position);
  if (reading === undefined) return;
  draft.settings[name] = combined(directive, draft.settings[name], reading.value);
  draft.positions.set(name, position);
}

/**
 * Takes a directive about one command. It may restrict that command, so what may have been meant as one
 * and cannot be read is an error; any other unknown name is a warning, as in the C agent.
 */
function setCommandDirective(
  draft: Draft,
  left: string,
  value: string,
  position: Position,
): void {
  const read = readCommandDirectiveName(left);
  if (read.kind === "unknown") {
    const known = nearest(left, [...Object.keys(DIRECTIVES), "include", "include_dir"]);
    const guess = known === undefined ? "" : ` (did you mean ${known}?)`;
    const message = `${at(position, "Unknown option specified")}: ${left}${guess}`;
    return report(draft, "warning", "unknown-directive", position, message);
  }
  if (read.kind === "error") {
    const message = at(position, "Invalid command directive specified");
    const why = `${message}: '${shortened(left)}', but ${read.reason}`;
    return report(draft, "error", "invalid-command-directive", position, why);
  }
  const { name, command } = read;
  const directive: Directive<unknown> = COMMAND_DIRECTIVES[name];
  const reading = readValue(draft, directive, labelOf(name, command), value, position);
  if (reading === undefined) return;
  let own = draft.commandSettings.get(command);
  if (own === undefined) draft.commandSettings.set(command, own = { positions: new Map() });
  own[name] = combined(directive, own[name], reading.value);
  own.positions.set(name, position);
}

export function labelOf(name: CommandDirectiveName, command: string): string {
  return `${name}[${shortened(command)}]`;
}

/** Reads a value, and reports an error, for which there is none, or a doubt. */
function readValue(
  draft: Draft,
  { read }: Directive<unknown>,
  label: string,
  value: string,
  position: Position,
): Extract<Reading<unknown>, { readonly kind: "value" }> | undefined {
  const reading = read(value);
  const message = () => `${at(position, `Invalid ${label} specified`)}: '${shortened(value)}'`;
  if (reading.kind === "error") {
    report(draft, "error", "invalid-value", position, `${message()}, but ${reading.reason}`);
    return undefined;
  }
  if (reading.doubt !== undefined) {
    report(draft, "warning", "misread-value", position, `${message()}, ${reading.doubt}`);
  }
  return reading;
}

/** The value of a directive that is perhaps repeated. */
function combined({ repeated }: Directive<unknown>, earlier: unknown, later: unknown): unknown {
  return repeated === undefined || earlier === undefined ? later : repeated(earlier, later);
}

function include(
  draft: Draft,
  path: string,
  position: Position,
  chain: readonly string[],
): void {
  const identity = draft.files.identify(path);
  const outer = [...chain, draft.files.identify(position.file)];
  if (isCycle(draft, outer, identity, position)) return;
  const failure = readLines(draft, path, outer);
  if (failure !== undefined) {
    reportUnreadable(draft, failure, position, unreadableFile(path, failure));
  }
}

/** Whether an include is part of its own chain of includes, which is reported. */
function isCycle(
  draft: Draft,
  chain: readonly string[],
  identity: string,
  position: Position,
): boolean {
  const start = chain.indexOf(identity);
  if (start < 0) return false;
  const names = [...chain.slice(start), identity].join(" -> ");
  report(draft, "error", "include-cycle", position, `${at(position, "Include cycle")}: ${names}`);
  return true;
}

/** A missing file is a warning. One that exists and cannot be read is an error. */
function reportUnreadable(
  draft: Draft,
  { kind }: Pick<Unreadable, "kind">,
  position: Position,
  message: string,
): void {
  const where = `${message}; ${at(position, "included")}`;
  if (kind === "missing") {
    report(draft, "warning", "include-missing", position, `${where}; continuing without it`);
  } else report(draft, "error", "include-unreadable", position, where);
}

function unreadableFile(path: string, { reason }: Unreadable): string {
  return `Unable to open config file '${path}' for reading: ${reason}`;
}

function includeDirectory(
  draft: Draft,
  path: string,
  position: Position,
  chain: readonly string[],
): void {
  const identity = draft.files.identify(path);
  if (isCycle(draft, chain, identity, position)) return;
  const result = draft.files.list(path);
  if (result.kind !== "content") {
    const message = `Could not open config directory '${path}' for reading: ${result.reason}`;
    return reportUnreadable(draft, result, position, message);
  }
  draft.directories.add(path);
  let end = path.length;
  while (path[end - 1] === "/") end--;
  const directory = path.slice(0, end);
  const { files, directories, odd } = result.content;
  const names = [...files];
  for (const { name, reason } of odd) {
    // The error of reading it is the better message.
    if (name.endsWith(".cfg")) names.push(name);
    else if (!name.startsWith(".")) {
      const entry = `${directory}/${name}`;
      const message = `Could not tell what '${entry}' is: ${reason}`;
      const kind = draft.formerDirectories?.has(entry) ? "failure" : "missing";
      reportUnreadable(draft, { kind }, position, message);
    }
  }
  for (const name of names.sort(byBytes)) {
    if (name.endsWith(".cfg")) include(draft, `${directory}/${name}`, position, chain);
  }
  for (const name of [...directories].sort(byBytes)) {
    if (!name.startsWith(".")) {
      includeDirectory(draft, `${directory}/${name}`, position, [...chain, identity]);
    }
  }
}

function byBytes(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

const LINE_ERRORS: Readonly<Record<LineError, FindingCode>> = {
  "No variable name specified": "invalid-line",
  "No variable value specified": "invalid-line",
  "Invalid command specified": "invalid-command",
  "Line too long": "line-too-long",
};

function explainLineError(reason: LineError): string {
  switch (reason) {
    case "Line too long":
      return `: it has more than ${LONGEST_CONFIG_LINE} bytes`;
    case "Invalid command specified":
      return ": a command is defined as command[name]=line";
    default:
      return ": a line is name=value, or begins with # as a comment";
  }
}
