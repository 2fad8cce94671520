import { isInNets, parseAllowedHosts } from "../config/allowed_hosts.ts";
import { printable } from "../log.ts";
import type { Config, Position } from "../config/config.ts";
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
}

/**
 * Reads what nrpe.cfg says about a client. The resolver looks up the names in `allowed_hosts`.
 *
 * @param address The client's address in text form; a list holds no client without one.
 */
export function readAgentPolicy(file: string, config: Config, address: string): AgentPolicy {
  const { allowed_hosts: hosts, tcp_wrappers: tables, positions } = config;
  const position = positions.get("allowed_hosts");
  if (hosts === undefined || position === undefined) return { file, tables, list: undefined };
  let allows = isInNets(address, hosts);
  for (const host of hosts) {
    if (allows || host.kind !== "name") continue;
    const addresses = resolveName(host.name)?.addresses ?? [];
    allows = isInNets(address, parseAllowedHosts(addresses.join(",")).hosts);
  }
  return { file, tables, list: { position, allows } };
}

/** The policy as text. */
export function agentPolicyText({ file, tables, list }: AgentPolicy, address: string): string {
  const lines = [`\n${printable(file)}`];
  if (!tables) lines.push("         tcp_wrappers=0: this agent does not consult the tables");
  if (list === undefined) {
    lines.push("         no allowed_hosts: the agent refuses no client by itself");
  } else {
    const place = `${printable(list.position.file)} line ${list.position.line}`;
    const who = printable(address);
    lines.push(
      list.allows
        ? `         allowed_hosts (${place}) lists ${who}`
        : `         allowed_hosts (${place}) does not list ${who}: a daemon (-d, -f) refuses it,\n` +
          "         whatever the tables say",
      `       warning: ${allowedHostsProblem(tables).message}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
