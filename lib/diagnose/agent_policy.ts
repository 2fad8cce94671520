import { isRestricted } from "../config/restrictions.ts";
import { type CommandRefusal, refusalsOf } from "../access/command_access.ts";
import { type AllowedHost, isInNets, parseAllowedHosts } from "../config/allowed_hosts.ts";
import type { CommandDefinition, Config, Position } from "../config/config.ts";
import { matchesSubjects, namesText } from "../config/match_subjects.ts";
import type { CertificateName } from "../config/subjects.ts";
import { printable } from "../log.ts";
import { resolveName } from "../system/names.ts";
import { allowedHostsProblem } from "./lint/nrpe_cfg.ts";

/** What nrpe.cfg says about a client, besides the access tables. */
export interface AgentPolicy {
  /** The path of nrpe.cfg. */
  readonly file: string;
  /** Whether the agent consults the access tables. */
  readonly tables: boolean;
  /** `allowed_hosts`; undefined where it is not set. */
  readonly list: { readonly position: Position; readonly allows: boolean } | undefined;
  /** `ssl_allowed_subjects`; undefined where it is not set, or no certificate is asked about. */
  readonly subjects: { readonly position: Position; readonly allows: boolean } | undefined;
  /** undefined where no command is asked about. */
  readonly command: CommandPolicy | undefined;
}

/** Whether the client may ask for a command. */
interface CommandPolicy {
  readonly definition: CommandDefinition;
  /** Whether a list says who may. */
  readonly restricted: boolean;
  /** The lists that the client is not in. */
  readonly refusals: readonly CommandRefusal[];
}

/** What the client does besides connecting. */
export interface ClientActs {
  /** Whether its certificate counts, and not its address alone. */
  readonly presents: boolean;
  /** The names of the certificate that it presents; undefined where it presents none. */
  readonly names: readonly CertificateName[] | undefined;
  /** The command that it asks for. */
  readonly command: CommandDefinition | undefined;
}

/**
 * Reads what nrpe.cfg says about a client. The resolver looks up the names in lists.
 *
 * @param address The client's address in text form; a list holds no client without one.
 */
export async function readAgentPolicy(
  file: string,
  config: Config,
  address: string,
  { presents, names, command }: ClientActs,
): Promise<AgentPolicy> {
  const { allowed_hosts: hosts, tcp_wrappers: tables, positions } = config;
  const { ssl_allowed_subjects: subjects } = config;
  const at = {
    hosts: positions.get("allowed_hosts"),
    subjects: positions.get("ssl_allowed_subjects"),
  };
  const settings = command && config.commandSettings.get(command.name);
  const refusals = settings === undefined
    ? []
    : await refusalsOf(settings, { address, names }, { allows: isInList });
  return {
    file,
    tables,
    list: hosts && at.hosts && { position: at.hosts, allows: isInList(hosts, address) },
    subjects: presents && subjects && at.subjects
      ? { position: at.subjects, allows: names !== undefined && matchesSubjects(names, subjects) }
      : undefined,
    command: command && {
      definition: command,
      restricted: isRestricted(settings),
      refusals,
    },
  };
}

/** Whether an address is in a list, of which the names are looked up. */
function isInList(hosts: readonly AllowedHost[], address: string): boolean {
  return isInNets(address, hosts) || hosts.some((host) => {
    const addresses = host.kind === "name" ? resolveName(host.name)?.addresses ?? [] : [];
    return isInNets(address, parseAllowedHosts(addresses.join(",")).hosts);
  });
}

/** Whether nrpe.cfg keeps the client from what it asks for, in every mode. */
export function isRefused({ subjects, command }: AgentPolicy): boolean {
  return subjects?.allows === false || (command?.refusals.length ?? 0) > 0;
}

/** The policy as text. */
export function agentPolicyText(
  { file, tables, list, subjects, command }: AgentPolicy,
  address: string,
  names: readonly CertificateName[] | undefined,
): string {
  const lines = [`\n${printable(file)}`];
  if (!tables) lines.push("         tcp_wrappers=0: this agent does not consult the tables");
  if (list === undefined) {
    lines.push("         no allowed_hosts: the agent refuses no client by itself");
  } else {
    const who = printable(address);
    lines.push(
      list.allows
        ? `         allowed_hosts (${placeText(list.position)}) lists ${who}`
        : `         allowed_hosts (${
          placeText(list.position)
        }) does not list ${who}: a daemon (-d, -f) refuses it,\n` +
          "         whatever the tables say",
      `       warning: ${allowedHostsProblem(tables).message}`,
    );
  }
  if (subjects !== undefined) {
    const who = names === undefined
      ? "a client without a certificate"
      : printable(`the certificate ${namesText(names)}`);
    lines.push(
      `         ssl_allowed_subjects (${placeText(subjects.position)}) ` +
        (subjects.allows ? `lists ${who}` : `does not list ${who}: it is refused`),
    );
  }
  if (command !== undefined) lines.push(...commandLines(command));
  return `${lines.join("\n")}\n`;
}

function commandLines({ definition, restricted, refusals }: CommandPolicy): readonly string[] {
  const name = printable(`command[${definition.name}]`);
  const place = placeText(definition.position);
  if (refusals.length > 0) {
    return [
      `         ${name} (${place}) may not be asked for: the client is told that it is not defined`,
      ...refusals.map(({ directive, position, why }) =>
        `           ${directive} (${placeText(position)}): ${printable(why)}`
      ),
    ];
  }
  const why = restricted ? "the client is in its lists" : "it has no list of its own";
  return [`         ${name} (${place}) may be asked for: ${why}`];
}

function placeText({ file, line }: Position): string {
  return `${printable(file)} line ${line}`;
}
