/**
 * Commands for some clients only. Who may not ask for one gets what an undefined command gets, byte for
 * byte and after the same work, so that nobody can tell which commands there are.
 */
import { type CommandRefusal, type HostLists, refusalsOf } from "../access/command_access.ts";
import { type CommandRequest, readRequest } from "../command/request.ts";
import type { CommandSettings, Config } from "../config/config.ts";
import { isRestricted } from "../config/restrictions.ts";
import { type Log, Severity } from "../log.ts";
import { namesIn } from "../tls/judge_subject.ts";
import { makeCommandHosts } from "./command_hosts.ts";

/** Who asks, and what decides about the command. */
export interface Asker {
  readonly config: Config;
  readonly log: Log;
  /** The client's address. */
  readonly peer: string;
  /** The client's certificate in DER, which a CA has verified; undefined where it has shown none. */
  readonly certificate?: Uint8Array | undefined;
  /** The lists of `command_allowed_hosts`, where they outlive the conversation. */
  readonly hosts?: HostLists;
  /** Called before something else than the client has to be waited for. */
  readonly beforeWait?: () => Promise<unknown>;
}

/** A request for a command that the client may not ask for. */
export interface RestrictedRequest {
  /** The request as it would be read if the command were not defined. */
  readonly request: CommandRequest;
  /** Logs why. To be called after the response, which must not wait for the log. */
  readonly logRefusal: () => void;
}

/** Reads a request of a client that may not ask for its command; undefined for any other request. */
export async function restrictRequest(
  asker: Asker,
  text: string,
): Promise<RestrictedRequest | undefined> {
  const { config, log, peer } = asker;
  const name = nameIn(text, config);
  if (name === undefined) return undefined;
  const isDefined = config.commands.get(name) !== undefined;
  const own = isDefined ? config.commandSettings.get(name) : undefined;
  if (isDefined && (own === undefined || !isRestricted(own))) return undefined;
  const refusals = await refusalsFor(asker, own ?? anyRestrictions(config));
  if (own === undefined || refusals.length === 0) return undefined;
  const request = readRequest(text, { ...config, ...UNDEFINED });
  return {
    request,
    logRefusal() {
      if (request.kind !== "undefined command") return;
      for (const refusal of refusals) log(Severity.warning, refusalText(peer, name, refusal));
    },
  };
}

async function refusalsFor(
  { log, peer, certificate, hosts, beforeWait }: Asker,
  settings: CommandSettings,
): Promise<readonly CommandRefusal[]> {
  const lists = hosts ?? makeCommandHosts(log);
  const names = certificate === undefined ? undefined : namesIn(certificate) ?? [];
  try {
    return await refusalsOf(settings, { address: peer, names }, {
      async allows(list, address) {
        const allowed = lists.allows(list, address);
        if (typeof allowed !== "boolean") await beforeWait?.();
        return await allowed;
      },
    });
  } finally {
    if (lists !== hosts) lists.close();
  }
}

const UNDEFINED = { commands: new Map(), commandSettings: new Map() } as const;

/** The command that a request is for, whether or not the request is valid. */
function nameIn(text: string, config: Config): string | undefined {
  const request = readRequest(text, {
    ...config,
    ...UNDEFINED,
    nasty_metachars: "",
    dont_blame_nrpe: true,
    allow_bash_command_substitution: true,
  });
  return request.kind === "undefined command" ? request.name : undefined;
}

/**
 * Lists for a request that none is for: looking a name up takes time, and who waits for it must not
 * learn that the command has a list.
 */
function anyRestrictions({ commandSettings }: Config): CommandSettings {
  let hosts: CommandSettings["command_allowed_hosts"];
  let subjects: CommandSettings["command_allowed_subjects"];
  for (const { command_allowed_hosts, command_allowed_subjects } of commandSettings.values()) {
    const hasName = command_allowed_hosts?.some(({ kind }) => kind === "name") ?? false;
    if (hosts === undefined || hasName) hosts = command_allowed_hosts ?? hosts;
    subjects ??= command_allowed_subjects;
    if (hasName && subjects !== undefined) break;
  }
  return {
    command_allowed_hosts: hosts,
    command_allowed_subjects: subjects,
    positions: new Map(),
  };
}

function refusalText(
  peer: string,
  name: string,
  { directive, position, why }: CommandRefusal,
): string {
  const where = `${position.file}:${position.line}`;
  return `Warning: Client ${peer} may not ask for command '${name}' by ${directive} (${where}): ${why}`;
}
