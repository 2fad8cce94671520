import type { Question } from "../request.ts";
import type { Problem } from "./finding.ts";

/** What the checks ask about this host. */
export interface HostQueries {
  /** The name that this agent has in the tables. */
  readonly agent: string;
  /** The names of this host's daemons, in small letters. */
  readonly services: () => ReadonlySet<string>;
  /** Whether a user or a group exists. */
  readonly ask: (question: Question) => boolean;
  readonly directoryExists: (path: string) => boolean;
  /** Looks up a host name and returns its problem; absent without --lookup. */
  readonly checkName?: (name: string) => Problem | undefined;
}
