import type { Question } from "../request.ts";
import type { Problem } from "./finding.ts";

/** What the checks ask of the host. */
export interface HostQueries {
  /** The name that this agent has in the tables. */
  readonly agent: string;
  /** The names that daemons of this host have, in small letters. */
  readonly services: () => ReadonlySet<string>;
  /** Whether a user or group of that name exists. */
  readonly ask: (question: Question) => boolean;
  readonly directoryExists: (path: string) => boolean;
  /** Looks a host name up and tells what is wrong with it; absent unless look-ups are wanted. */
  readonly checkName?: (name: string) => Problem | undefined;
}
