/** Who may ask for a command: `command_allowed_hosts` and `command_allowed_subjects`. */
import type { AllowedHost, Resolver } from "../config/allowed_hosts.ts";
import type { CommandSettings, Position } from "../config/config.ts";
import { matchesSubjects, namesText } from "../config/match_subjects.ts";
import type { CertificateName } from "../config/subjects.ts";
import { type AllowList, enforceAllowList } from "./allowed_names.ts";

/** Whether a client's address is in a list, of which names may have to be looked up. */
export interface HostLists {
  readonly allows: (hosts: readonly AllowedHost[], address: string) => boolean | Promise<boolean>;
  /** Stops looking names up. */
  readonly close: () => void;
}

/**
 * Makes lists as they are asked for, by the rules of `allowed_hosts`.
 * @param failed Called with a name for which no address is found.
 */
export function makeHostLists(lookUp: Resolver, failed: (name: string) => void): HostLists {
  const lists = new Map<readonly AllowedHost[], AllowList>();
  let closed = false;
  return {
    allows(hosts, address) {
      let list = lists.get(hosts);
      if (list === undefined) lists.set(hosts, list = enforceAllowList(hosts, lookUp, failed));
      // A connection may be older than the reload that has replaced its configuration.
      if (closed) list.close();
      return list.allows(address);
    },
    close() {
      closed = true;
      for (const list of lists.values()) list.close();
    },
  };
}

/** The client that asks for a command. */
export interface CommandClient {
  /** Its address in text form; a list holds no client without one. */
  readonly address: string;
  /** The names of its certificate, which a CA has verified; undefined where it has shown none. */
  readonly names: readonly CertificateName[] | undefined;
}

/** A list that a client is not in. */
export interface CommandRefusal {
  readonly directive: "command_allowed_hosts" | "command_allowed_subjects";
  readonly position: Position;
  /** Without the directive's name. */
  readonly why: string;
}

/**
 * The lists of a command that a client is not in. It may ask for the command if it is in all of them.
 * Each is asked, so that the time says nothing about which one it was.
 */
export async function refusalsOf(
  settings: CommandSettings,
  { address, names }: CommandClient,
  { allows }: Pick<HostLists, "allows">,
): Promise<readonly CommandRefusal[]> {
  const {
    command_allowed_hosts: hosts,
    command_allowed_subjects: subjects,
    positions,
  } = settings;
  const refusals: CommandRefusal[] = [];
  const refuse = (directive: CommandRefusal["directive"], why: string) =>
    refusals.push({ directive, position: positions.get(directive)!, why });
  if (hosts !== undefined && !await allows(hosts, address)) {
    refuse("command_allowed_hosts", `its address ${address} is not in it`);
  }
  if (subjects === undefined) return refusals;
  if (names === undefined) {
    refuse("command_allowed_subjects", "it has shown no certificate that a CA has verified");
  } else if (!matchesSubjects(names, subjects)) {
    refuse("command_allowed_subjects", `no name of its certificate is in it: ${namesText(names)}`);
  }
  return refusals;
}
