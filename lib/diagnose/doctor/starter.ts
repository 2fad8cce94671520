import type { Serve } from "../../cli.ts";

/** What starts the agent: a line, a section, a unit, or a process that runs already. */
export interface Starter {
  readonly by: "inetd" | "xinetd" | "systemd" | "process";
  /** The place that says so. */
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** Where its connections arrive; undefined where that is not known. */
  readonly port: number | undefined;
  /** The address that it is bound to; undefined for all. */
  readonly address: string | undefined;
  /** Undefined where the starter names none. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly program: string;
  /** The program's arguments, its name first. */
  readonly argv: readonly string[];
  /** Whether it passes connections or sockets on, so that the agent serves with `--inetd`. */
  readonly passesSockets: boolean;
  /** The line of the user or the group, where the file has one for each setting, and has it. */
  readonly placeOf?: (field: "user" | "group") => string | undefined;
  /** The line with a change; the line of the change alone where the file has one for each setting. */
  readonly with: (change: StarterChange) => string;
}

/** What a fix changes. */
export interface StarterChange {
  readonly user?: string;
  readonly group?: string;
  readonly program?: string;
  readonly argv?: readonly string[];
}

/** A starter that this host is to use, and what its command line makes the agent do. */
export interface Invoked {
  readonly starter: Starter;
  /** Undefined where the command line is wrong. */
  readonly serve: Serve | undefined;
  /** The user that the agent has in the end, if that is known. */
  readonly user: string | undefined;
}

/** What every check of a starter knows about the host. */
export interface StarterContext {
  /** This program's own file. */
  readonly self: string;
  /** The port that check_nrpe is to find. */
  readonly port: number;
  /** A user for the agent. */
  readonly user: string;
  /** An nrpe.cfg of this host. */
  readonly config: string;
}

/** Whether a word is the name or path of an agent. */
export function namesAgent(word: string): boolean {
  return /(^|[/_-])nrpe([-_.]|$)/i.test(word);
}
