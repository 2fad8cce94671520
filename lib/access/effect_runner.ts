import type { Config } from "../config/config.ts";
import { Errno, SystemError } from "../system/libc.ts";
import type { Endpoint } from "../system/socket.ts";
import type { FileReader } from "../wrappers/match_list.ts";
import type { Effect } from "../wrappers/option.ts";
import type { AllowList } from "./allowed_names.ts";
import type { LookUp, LookUpAnswer } from "./look_up.ts";

/** How long sending a banner may take, in milliseconds. */
export const BANNER_TIMEOUT = 10_000;

/** What decides about the clients of an agent. */
export interface AccessPolicy {
  readonly config: Config;
  readonly allowList: AllowList;
  /** Whether a granted client is logged where its rule has no `severity`. */
  readonly logsGranted: boolean;
}

/** A connection that the access tables are asked about. */
export interface Connection {
  /** undefined where the socket is not of an internet family. */
  readonly client: Endpoint | undefined;
  /**
   * This end of it; undefined as the client is.
   * @throws {SystemError} when the kernel does not say, and the client is to be refused.
   */
  readonly server: () => Endpoint | undefined;
  /** The name of the service in the tables' daemon lists. */
  readonly daemon: string;
  readonly logsGranted: boolean;
  /** Whether to log that the tables have rules, but none for the service. tcpd does not. */
  readonly hints: boolean;
}

/** Effects that change this process, its plugins or its connection. */
export type Change = Extract<
  Effect,
  { readonly option: "keepalive" | "linger" | "nice" | "umask" | "user" | "group" }
>;

/** Does what a decision needs: blocking the process, or while the process serves other clients. */
export interface EffectRunner {
  /** Whether the process serves more than one connection. */
  readonly resident: boolean;
  /** Reads an access table or a file that one names. */
  readonly read: FileReader;
  lookUp(question: LookUp): LookUpAnswer | Promise<LookUpAnswer>;
  /** Asks the client's host for its user, see RFC 1413; undefined without an answer. */
  askUser(client: Endpoint, server: Endpoint, seconds: number): Promise<string | undefined>;
  /** Runs a shell command to its end, away from the connection; says whether it succeeded. */
  runCommand(command: string, variables: readonly string[]): boolean | Promise<boolean>;
  /** Sends a text to the client. */
  send(text: string): void | Promise<void>;
  /** @throws {SystemError} when it cannot be done, and the client is to be refused. */
  apply(change: Change): void | Promise<void>;
  /** Replaces this process by a shell command that talks to the client. */
  twist(command: string, variables: readonly string[]): never;
}

/** The `twist` of a process that serves other clients: it has to go on, and refuses. */
export function cannotTwist(): never {
  throw new SystemError("twist", Errno.EPERM, "it needs a process of its own");
}
