import { isInNets, parseAllowedHosts } from "../config/allowed_hosts.ts";
import { printable } from "../log.ts";
import type { Config, Position } from "../config/config.ts";
import { resolveName } from "../system/names.ts";
import { allowedHostsProblem } from "./lint/nrpe_cfg.ts";

/** What the agent's own configuration says about a client, beside the access tables. */
export interface OwnGate {
  /** The nrpe.cfg that was named. */
  readonly file: string;
  /** Whether the agent asks the access tables at all. */
  readonly tables: boolean;
  /** `allowed_hosts`, where it is given. */
  readonly list: { readonly position: Position; readonly allows: boolean } | undefined;
}

/**
 * Asks nrpe.cfg about a client, its names looked up by the system's resolver.
 *
 * @param address The client's, in text form; a client without an address is in no list.
 */
export function askOwnGate(file: string, config: Config, address: string): OwnGate {
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

/** What a person is told of it. */
export function ownGateText({ file, tables, list }: OwnGate, address: string): string {
  const lines = [`\n${printable(file)}`];
  if (!tables) lines.push("         tcp_wrappers=0: this agent does not ask the tables at all");
  if (list === undefined) lines.push("         no allowed_hosts: the agent itself refuses nobody");
  else {
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
