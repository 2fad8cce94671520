import type { CommandDefinition, Config, ConfigResult, Finding, Position } from "./config.ts";
import { nearest } from "../nearest.ts";
import type { Directive } from "./directive.ts";
import { type Line, type LineError, LONGEST_LINE, parseLine } from "./parse_line.ts";
import { type DirectiveName, DIRECTIVES, type Settings } from "./settings.ts";

/** The files that a configuration is read from; text is byte strings, failures are in words. */
export interface ConfigFiles {
  /** A file's text. */
  readonly read: (path: string) => FileResult<string>;
  /** The names in a directory that are files, and those that are directories. */
  readonly list: (path: string) => FileResult<DirectoryListing>;
  /** One name for a file, however many links lead to it; the path itself where there is none. */
  readonly identify: (path: string) => string;
}

/** What became of reading a file or a directory. */
export type FileResult<Content> =
  | { readonly kind: "content"; readonly content: Content }
  | Unread;

/** Why there is no content: nothing of that name exists, or what exists cannot be read. */
export interface Unread {
  readonly kind: "missing" | "failure";
  readonly reason: string;
}

/** A directory's entries. */
export interface DirectoryListing {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  /** Those of which this user cannot know what they are. */
  readonly odd: readonly { readonly name: string; readonly reason: string }[];
}

const HASH = 0x23;

/** Warnings beyond this number are counted only. */
const MOST_WARNINGS = 50;

/** How often one and the same error is told of a file: one that is no nrpe.cfg has it in every line. */
const MOST_ALIKE = 100;

interface Draft {
  readonly files: ConfigFiles;
  readonly settings: Partial<Record<DirectiveName, unknown>>;
  readonly commands: Map<string, CommandDefinition>;
  readonly positions: Map<DirectiveName, Position>;
  readonly directories: Set<string>;
  /** Of the configuration in force, if there is one. */
  readonly formerDirectories: ReadonlySet<string> | undefined;
  readonly errors: Finding[];
  /** How often there is an error, by its text without the line, and where it was found last. */
  readonly alike: Map<string, { count: number; last: Finding }>;
  readonly warnings: Finding[];
  untold: number;
}

/**
 * Reads an nrpe.cfg with everything that it includes.
 *
 * The rules are those of the reference, as observed: the last of repeated directives counts, an
 * unknown one and a missing include are warnings, and a value out of range is an error. An include that
 * exists and cannot be read is an error, which it is not there: what it forbids would be allowed.
 *
 * @param inForce The configuration that this one is to take the place of. What was a directory then
 * must not be passed over.
 */
export function loadConfig(path: string, files: ConfigFiles, inForce?: Config): ConfigResult {
  const draft: Draft = {
    files,
    settings: {},
    commands: new Map(),
    positions: new Map(),
    directories: new Set(),
    formerDirectories: inForce?.directories,
    errors: [],
    alike: new Map(),
    warnings: [],
    untold: 0,
  };
  const failure = readInto(draft, path, []);
  if (failure !== undefined) {
    report(draft, "error", { file: path, line: 0 }, unreadFile(path, failure));
  }
  const config = finish(draft);
  const warnings = warningsOf(draft, path);
  return draft.errors.length === 0
    ? { kind: "config", config, findings: warnings }
    : { kind: "failure", findings: [...errorsOf(draft), ...warnings], log: config };
}

function errorsOf({ errors, alike }: Draft): readonly Finding[] {
  const findings = [...errors];
  for (const { count, last } of alike.values()) {
    if (count <= MOST_ALIKE) continue;
    const more = `${count - MOST_ALIKE - 1} more like it before this line`;
    findings.push({ ...last, message: `${last.message} (and ${more})` });
  }
  return findings;
}

function warningsOf({ warnings, untold }: Draft, path: string): readonly Finding[] {
  if (untold === 0) return warnings;
  const position = { file: path, line: 0 };
  const message = `${untold} more warnings about config file '${path}' are not shown`;
  return [...warnings, { severity: "warning", position, message }];
}

function finish({ settings, commands, positions, directories }: Draft): Config {
  const complete: Record<string, unknown> = {};
  for (const name in DIRECTIVES) complete[name] = DIRECTIVES[name as DirectiveName].byDefault;
  return {
    ...(complete as Settings),
    ...(settings as Partial<Settings>),
    commands,
    positions,
    directories,
  };
}

/** Reads a file into the draft; what keeps it from being read at all is returned. */
function readInto(draft: Draft, path: string, chain: readonly string[]): Unread | undefined {
  const result = draft.files.read(path);
  if (result.kind !== "content") return result;
  const text = result.content;
  const nul = text.indexOf("\0");
  let line = 0;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    line++;
    if (nul >= start && nul < end) {
      const position = { file: path, line };
      report(draft, "error", position, `${at(position, "Not a text file")}: it holds a NUL byte`);
      return undefined;
    }
    // Nine lines of ten are comments, and are passed over at every check under inetd.
    if (text.charCodeAt(start) !== HASH || end - start > LONGEST_LINE) {
      const position = { file: path, line };
      const parsed = parseLine(text.slice(start, end));
      take(draft, parsed, position, chain);
      if (parsed.kind === "error" && parsed.reason === "Line too long") return undefined;
    }
    start = end + 1;
  }
  return undefined;
}

function take(draft: Draft, line: Line, position: Position, chain: readonly string[]): void {
  switch (line.kind) {
    case "nothing":
      return;
    case "error":
      report(draft, "error", position, at(position, line.reason) + explain(line.reason));
      return;
    case "command": {
      const { name, value } = line;
      if (line.doubt !== undefined) doubt(draft, position, `command[${name}]`, line.doubt);
      const earlier = draft.commands.get(name);
      // Overriding an earlier file is what a later one is for.
      if (earlier?.position.file === position.file) {
        const where = `${earlier.position.file}:${earlier.position.line}`;
        doubt(draft, position, `command[${name}]`, `it replaces the one in ${where}`);
      }
      draft.commands.set(name, { name, line: value, position });
      return;
    }
    case "directive":
      if (line.doubt !== undefined) doubt(draft, position, line.name, line.doubt);
      if (line.name === "include" || line.name === "include_file") {
        include(draft, line.value, position, chain);
      } else if (line.name === "include_dir") {
        includeDirectory(draft, line.value, position, chain);
      } else setDirective(draft, line.name, line.value, position);
  }
}

function setDirective(draft: Draft, name: string, value: string, position: Position): void {
  if (!isDirective(name)) {
    const known = nearest(name, [...Object.keys(DIRECTIVES), "include", "include_dir"]);
    const guess = known === undefined ? "" : ` (did you mean ${known}?)`;
    const message = `${at(position, "Unknown option specified")}: ${name}${guess}`;
    report(draft, "warning", position, message);
    return;
  }
  const { read, repeated }: Directive<unknown> = DIRECTIVES[name];
  const reading = read(value);
  if (reading.kind === "error") {
    const message = at(position, `Invalid ${name} specified`);
    report(draft, "error", position, `${message}: '${shortened(value)}', but ${reading.reason}`);
    return;
  }
  if (reading.doubt !== undefined) {
    report(
      draft,
      "warning",
      position,
      `${at(position, `Invalid ${name} specified`)}: '${shortened(value)}', ${reading.doubt}`,
    );
  }
  const earlier = draft.settings[name];
  draft.settings[name] = repeated === undefined || earlier === undefined
    ? reading.value
    : repeated(earlier, reading.value);
  draft.positions.set(name, position);
}

/** Not by Object.hasOwn(), whose first use takes ten page faults. */
function isDirective(name: string): name is DirectiveName {
  for (const known in DIRECTIVES) if (known === name) return true;
  return false;
}

/** The longest value that a finding shows, in bytes; what is wrong with it stands behind it. */
const LONGEST_VALUE = 200;

function shortened(value: string): string {
  return value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}...` : value;
}

function include(
  draft: Draft,
  path: string,
  position: Position,
  chain: readonly string[],
): void {
  const identity = draft.files.identify(path);
  const outer = [...chain, draft.files.identify(position.file)];
  const cycle = outer.indexOf(identity);
  if (cycle >= 0) {
    const names = [...outer.slice(cycle), identity].join(" -> ");
    report(draft, "error", position, `${at(position, "Include cycle")}: ${names}`);
    return;
  }
  const failure = readInto(draft, path, outer);
  if (failure !== undefined) {
    reportUnread(draft, severityOf(failure), position, unreadFile(path, failure));
  }
}

/** What does not exist is passed over; that what exists cannot be read is an error. */
function severityOf({ kind }: Unread): Finding["severity"] {
  return kind === "missing" ? "warning" : "error";
}

function reportUnread(
  draft: Draft,
  severity: Finding["severity"],
  position: Position,
  message: string,
): void {
  const consequence = severity === "warning" ? "; continuing without it" : "";
  report(draft, severity, position, `${message}; ${at(position, "included")}${consequence}`);
}

function unreadFile(path: string, { reason }: Unread): string {
  return `Unable to open config file '${path}' for reading: ${reason}`;
}

function includeDirectory(
  draft: Draft,
  path: string,
  position: Position,
  chain: readonly string[],
): void {
  const identity = draft.files.identify(path);
  if (chain.includes(identity)) {
    const names = [...chain.slice(chain.indexOf(identity)), identity].join(" -> ");
    report(draft, "error", position, `${at(position, "Include cycle")}: ${names}`);
    return;
  }
  const result = draft.files.list(path);
  if (result.kind !== "content") {
    const message = `Could not open config directory '${path}' for reading: ${result.reason}`;
    return reportUnread(draft, severityOf(result), position, message);
  }
  draft.directories.add(path);
  let end = path.length;
  while (path[end - 1] === "/") end--;
  const directory = path.slice(0, end);
  const { files, directories, odd } = result.content;
  const names = [...files];
  for (const { name, reason } of odd) {
    // Reading it tells what is wrong.
    if (name.endsWith(".cfg")) names.push(name);
    else if (!name.startsWith(".")) {
      const entry = `${directory}/${name}`;
      const message = `Could not tell what '${entry}' is: ${reason}`;
      const severity = draft.formerDirectories?.has(entry) ? "error" : "warning";
      reportUnread(draft, severity, position, message);
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

/** The reference's way of saying where. */
function at({ file, line }: Position, what: string): string {
  return `${what} in config file '${file}' - Line ${line}`;
}

function explain(reason: LineError): string {
  switch (reason) {
    case "Line too long":
      return `: it has more than ${LONGEST_LINE} bytes`;
    case "Invalid command specified":
      return ": a command is defined as command[name]=line";
    default:
      return ": a line is name=value, or begins with # as a comment";
  }
}

function doubt(draft: Draft, position: Position, name: string, about: string): void {
  report(draft, "warning", position, `${at(position, `Doubtful ${name}`)}: ${about}`);
}

function report(
  draft: Draft,
  severity: Finding["severity"],
  position: Position,
  message: string,
): void {
  const finding = { severity, position, message };
  if (severity === "warning") {
    if (draft.warnings.length < MOST_WARNINGS) draft.warnings.push(finding);
    else draft.untold++;
    return;
  }
  const what = message.replace(`Line ${position.line}`, "");
  const count = (draft.alike.get(what)?.count ?? 0) + 1;
  draft.alike.set(what, { count, last: finding });
  if (count <= MOST_ALIKE) draft.errors.push(finding);
}
