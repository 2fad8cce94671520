/** A configuration that is being read, and what is found meanwhile. */
import type { DirectoryListing } from "../system/directory.ts";
import type { CommandLines } from "./command_lines.ts";
import type {
  CommandDefinition,
  Commands,
  Config,
  Finding,
  FindingCode,
  Position,
} from "./config.ts";
import {
  type CommandDirectiveName,
  type DirectiveName,
  DIRECTIVES,
  type Settings,
} from "./settings.ts";

/** The files of a configuration. Text is byte strings. */
export interface ConfigFiles {
  readonly read: (path: string) => FileResult<string>;
  readonly list: (path: string) => FileResult<DirectoryListing>;
  /** The canonical path of a file; the path itself where there is no file. */
  readonly identify: (path: string) => string;
}

/** The content of a file or a directory, or why it could not be read. */
export type FileResult<Content> =
  | { readonly kind: "content"; readonly content: Content }
  | Unreadable;

/** A name that does not exist, or that exists and cannot be read. */
export interface Unreadable {
  readonly kind: "missing" | "failure";
  readonly reason: string;
}

/** Further warnings are only counted. */
export const MOST_WARNINGS = 50;

/** How often the same error is reported. A file that is no nrpe.cfg has it in every line. */
export const MOST_REPEATS = 100;

/** The directives about one command, as far as they are read. */
interface CommandDraft extends Partial<Record<CommandDirectiveName, unknown>> {
  readonly positions: Map<CommandDirectiveName, Position>;
}

/** A configuration that is being read. */
export interface Draft {
  readonly files: ConfigFiles;
  readonly settings: Partial<Record<DirectiveName, unknown>>;
  readonly commands: Map<string, CommandDefinition>;
  /** In their order; undefined where all commands are read. */
  readonly unread: (CommandLines | CommandDefinition)[] | undefined;
  readonly commandSettings: Map<string, CommandDraft>;
  readonly positions: Map<DirectiveName, Position>;
  readonly directories: Set<string>;
  /** Of the current configuration, if there is one. */
  readonly formerDirectories: ReadonlySet<string> | undefined;
  readonly errors: Finding[];
  /** The number of equal errors and the last of them, by text without the line. */
  readonly repeats: Map<string, { count: number; last: Finding }>;
  readonly warnings: Finding[];
  suppressed: number;
}

/**
 * A draft without a line.
 * @param current The configuration that it is to replace.
 */
export function newDraft(
  files: ConfigFiles,
  current: Config | undefined,
  unread: Draft["unread"],
): Draft {
  return {
    files,
    settings: {},
    commands: new Map(),
    unread,
    commandSettings: new Map(),
    positions: new Map(),
    directories: new Set(),
    formerDirectories: current?.directories,
    errors: [],
    repeats: new Map(),
    warnings: [],
    suppressed: 0,
  };
}

/** The configuration of a draft, with the directives that it lacks. */
export function finish(draft: Draft, commands: Commands): Config {
  const { settings, positions, directories } = draft;
  const complete: Record<string, unknown> = {};
  for (const name in DIRECTIVES) complete[name] = DIRECTIVES[name as DirectiveName].byDefault;
  return {
    ...(complete as Settings),
    ...(settings as Partial<Settings>),
    commands,
    commandSettings: draft.commandSettings as Config["commandSettings"],
    positions,
    directories,
  };
}

/** The longest value that a finding quotes, in bytes, so that the log line has room for the reason. */
const LONGEST_VALUE = 200;

/** A value for a finding. */
export function shortened(value: string): string {
  return value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}...` : value;
}

/** A message with its position, in the C agent's words. */
export function at({ file, line }: Position, what: string): string {
  return `${what} in config file '${file}' - Line ${line}`;
}

/** Reports a warning about something that has a name. */
export function doubt(
  draft: Draft,
  code: FindingCode,
  position: Position,
  name: string,
  about: string,
): void {
  report(draft, "warning", code, position, `${at(position, `Doubtful ${name}`)}: ${about}`);
}

/** Keeps a finding, or counts it. */
export function report(
  draft: Draft,
  severity: Finding["severity"],
  code: FindingCode,
  position: Position,
  message: string,
): void {
  const finding = { severity, code, position, message };
  if (severity === "warning") {
    if (draft.warnings.length < MOST_WARNINGS) draft.warnings.push(finding);
    else draft.suppressed++;
    return;
  }
  const what = message.replace(`Line ${position.line}`, "");
  const count = (draft.repeats.get(what)?.count ?? 0) + 1;
  draft.repeats.set(what, { count, last: finding });
  if (count <= MOST_REPEATS) draft.errors.push(finding);
}
