/** Station: the addresses that the port is bound to, against those that the host has. */
import { parseIPv4, parseIPv6 } from "../../address.ts";
import type { WholeConfig } from "../../config/config.ts";
import { closeFile, Errno, SystemError } from "../../system/libc.ts";
import { bindSocket } from "../../system/listen_socket.ts";
import { settingOf, settingsOf } from "../starters/systemd_units.ts";
import { type DoctorFinding, lineOf, problem } from "./finding.ts";
import type { Invoked, Starter } from "./starter.ts";
import type { UnitStarter } from "./units.ts";
import type { XinetdStarter } from "./xinetd_sections.ts";

/** What binds the port to some addresses. */
export interface BoundAddress {
  /** In text form; names are left out. */
  readonly addresses: readonly string[];
  /** The line that says so. */
  readonly evidence: string;
  /** The line in its place that binds the port to all addresses. */
  readonly fix: string;
}

/** What binds the port of a starter; undefined where it is bound to all addresses. */
export function boundAddress(
  starter: Starter,
  config: WholeConfig | undefined,
): BoundAddress | undefined {
  if (!starter.passesSockets) return boundByConfig(config);
  const { address, file, line, text } = starter;
  if (address === undefined) return undefined;
  const addresses = isAddress(address) ? [address] : [];
  switch (starter.by) {
    case "inetd": {
      const own = text.trim();
      const end = own.search(/:[^:\s]+\s/);
      // The address may be the one of a line above, which counts for those that follow.
      const fix = end < 0 ? `*:${own}` : own.slice(end + 1);
      return { addresses, evidence: lineOf(file, line, text), fix };
    }
    case "xinetd": {
      const { attributes } = (starter as XinetdStarter).section;
      const name = attributes.has("bind") ? "bind" : "interface";
      const at = attributes.get(name)?.line ?? line;
      return {
        addresses,
        evidence: `${file}:${at}: ${name} = ${address}`,
        fix: `${name} = 0.0.0.0`,
      };
    }
    case "systemd": {
      const setting = settingsOf((starter as UnitStarter).socket!, "ListenStream")[0]!;
      const evidence = lineOf(setting.file, setting.line, `ListenStream=${setting.value}`);
      return { addresses, evidence, fix: `ListenStream=${starter.port}` };
    }
    case "process":
      return undefined;
  }
}

function boundByConfig(config: WholeConfig | undefined): BoundAddress | undefined {
  const names = config?.server_address ?? [];
  const place = config?.positions.get("server_address");
  if (names.length === 0 || place === undefined) return undefined;
  return {
    addresses: names.filter(isAddress),
    evidence: `${place.file}:${place.line}: server_address=${names.join(",")}`,
    fix: names.every((name) => name.includes(":")) ? "server_address=::" : "server_address=0.0.0.0",
  };
}

function isAddress(text: string): boolean {
  return (parseIPv4(text) ?? parseIPv6(text)) !== undefined;
}

/** Addresses that the port is to be bound to, and that this host does not have. */
export function checkBoundAddresses(
  invoked: readonly Invoked[],
  config: WholeConfig | undefined,
): readonly DoctorFinding[] {
  const seen = new Set<string>();
  return invoked.flatMap(({ starter }) => {
    const bound = boundAddress(starter, config);
    const strange = bound?.addresses.find((address) => !hasAddress(address));
    if (bound === undefined || strange === undefined || seen.has(bound.evidence)) return [];
    if (bindsFreely(starter)) return [];
    seen.add(bound.evidence);
    const message = `${strange} is no address of this host, so nothing can listen on it`;
    return [problem("address-not-local", message, { evidence: bound.evidence, fix: bound.fix })];
  });
}

/** Whether a socket unit may have an address before the host has it, see systemd.socket(5). */
function bindsFreely(starter: Starter): boolean {
  const socket = starter.by === "systemd" ? (starter as UnitStarter).socket : undefined;
  const free = socket === undefined ? undefined : settingOf(socket, "FreeBind")?.value;
  return /^(yes|true|1|on)$/i.test(free ?? "");
}

/** Whether the kernel lets a socket have an address. The port is one that is free. */
function hasAddress(address: string): boolean {
  const bytes = parseIPv4(address) ?? parseIPv6(address);
  if (bytes === undefined) return true;
  try {
    closeFile(bindSocket(bytes, 0, false));
    return true;
  } catch (error) {
    return !(error instanceof SystemError && error.errno === Errno.EADDRNOTAVAIL);
  }
}
