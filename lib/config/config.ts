import type { Word } from "./macros.ts";
import type { CommandDirectiveName, CommandValues, DirectiveName, Settings } from "./settings.ts";

/** A file and a line of it, counted from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
}

/** A command definition: `command[name]=line`. */
export interface CommandDefinition {
  readonly name: string;
  /** The command line, before macros are expanded. */
  readonly line: string;
  readonly position: Position;
  /** The words of the prefix and the line, where the argument mode is `argv` and no shell runs them. */
  readonly words?: readonly Word[];
}

/** Command definitions by their names. */
export interface Commands {
  readonly get: (name: string) => CommandDefinition | undefined;
}

/** The directives about one command that are given, with the last position of each. */
export interface CommandSettings extends CommandValues {
  readonly positions: ReadonlyMap<CommandDirectiveName, Position>;
}

/** An nrpe.cfg with its includes, read and checked. */
export interface Config extends Settings {
  readonly commands: Commands;
  /** By the command's name, which may not be defined. Commands without such directives are absent. */
  readonly commandSettings: ReadonlyMap<string, CommandSettings>;
  /** The last position of each directive that is given. */
  readonly positions: ReadonlyMap<DirectiveName, Position>;
  readonly directories: ReadonlySet<string>;
}

/** What kind of mistake a finding is about. */
export type FindingCode =
  | "config-unreadable"
  | "duplicate-command"
  | "include-cycle"
  | "include-missing"
  | "include-unreadable"
  | "invalid-command"
  | "invalid-command-directive"
  | "invalid-line"
  | "invalid-value"
  | "line-too-long"
  | "misread-name"
  | "misread-value"
  | "more-warnings"
  | "nagios-objects"
  | "nul-byte"
  | "shell-needed"
  | "undefined-command"
  | "unknown-directive";

/** An error or a warning about a configuration file. */
export interface Finding {
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly position: Position;
  /** A log line, in the C agent's words where it has some. */
  readonly message: string;
}

/** A configuration whose commands have all been read. */
export interface WholeConfig extends Config {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
}

/** A configuration, or the errors for which there is none. */
export type ConfigResult =
  | { readonly kind: "config"; readonly config: WholeConfig; readonly findings: readonly Finding[] }
  | {
    readonly kind: "failure";
    /** Errors first. */
    readonly findings: readonly Finding[];
    /** The directives about the log, as far as they were read, with defaults. */
    readonly log: Pick<
      Config,
      | "log_facility"
      | "log_file"
      | "log_format"
      | "disable_syslog"
      | "debug"
      | "nrpe_user"
      | "nrpe_group"
    >;
  };
