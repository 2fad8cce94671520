import type { DirectiveName, Settings } from "./settings.ts";

/** Where something stands: a file and a line of it, counted from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
}

/** A command definition: `command[name]=line`. */
export interface CommandDefinition {
  readonly name: string;
  /** The command line, its macros not yet replaced. */
  readonly line: string;
  readonly position: Position;
}

/** An nrpe.cfg, read and checked, includes and all. */
export interface Config extends Settings {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  /** Where each directive that was given stands; the last place, where it was given more than once. */
  readonly positions: ReadonlyMap<DirectiveName, Position>;
  /** The paths of the directories that were included. */
  readonly directories: ReadonlySet<string>;
}

/** Something wrong (an error), or doubtful (a warning), in a configuration file. */
export interface Finding {
  readonly severity: "error" | "warning";
  readonly position: Position;
  /** What is wrong, in the reference's words where it has some; ready for a log line. */
  readonly message: string;
}

/** What came of reading an nrpe.cfg; with an error among the findings there is no configuration. */
export type ConfigResult =
  | { readonly kind: "config"; readonly config: Config; readonly findings: readonly Finding[] }
  | {
    readonly kind: "failure";
    /** Errors first. */
    readonly findings: readonly Finding[];
    /** Where to log them: what was read of it, and defaults. */
    readonly log: Pick<
      Config,
      "log_facility" | "log_file" | "disable_syslog" | "debug" | "nrpe_user" | "nrpe_group"
    >;
  };
