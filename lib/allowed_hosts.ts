import { trimBlanks } from "./bytes.ts";
import { type AddressBytes, parseIPv4, parseIPv6 } from "./address.ts";

/** One entry of nrpe.cfg's `allowed_hosts`. */
export type AllowedHost =
  | { readonly kind: "net"; readonly address: AddressBytes; readonly length: number }
  | { readonly kind: "name"; readonly name: string };

/** A list of allowed hosts; entries that make no sense allow nobody. */
export interface AllowedHosts {
  readonly hosts: readonly AllowedHost[];
  /** What is wrong with the first entry that was left out. */
  readonly doubt?: string;
}

/**
 * Reads `allowed_hosts`: a comma list of IPv4 and IPv6 addresses, each with or without `/length`, and
 * host names. A list without a single good entry is empty and allows nobody.
 */
export function parseAllowedHosts(text: string): AllowedHosts {
  const hosts: AllowedHost[] = [];
  let doubt: string | undefined;
  for (const part of text.split(",")) {
    const entry = trimBlanks(part);
    if (entry === "") continue;
    const host = parseEntry(entry);
    if (typeof host === "string") doubt ??= `"${entry}" is left out: ${host}`;
    else hosts.push(host);
  }
  return doubt === undefined ? { hosts } : { hosts, doubt };
}

function parseEntry(entry: string): AllowedHost | string {
  const slash = entry.indexOf("/");
  const host = slash < 0 ? entry : entry.slice(0, slash);
  const address = parseIPv4(host) ?? parseIPv6(host);
  if (address === undefined) {
    if (slash >= 0) return "a length needs an IPv4 or IPv6 address before it";
    if (/^[0-9.]+$/.test(host)) return "not an IPv4 address";
    if (!/^[A-Za-z0-9_]([A-Za-z0-9_.-]*)$/.test(host)) return "neither an address nor a host name";
    return { kind: "name", name: host };
  }
  const bits = address.length * 8;
  if (slash < 0) return { kind: "net", address, length: bits };
  const length = entry.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(length) || Number(length) > bits) {
    return `the length of the net must be 0 to ${bits}`;
  }
  return { kind: "net", address, length: Number(length) };
}

/** Looks a host name up: its addresses in text form, none where it has none. */
export interface LookUp {
  (name: string): Promise<readonly string[]>;
}

/** Whether an address, in text form, is one of the nets and addresses of a list. */
export function isInNets(address: string, hosts: readonly AllowedHost[]): boolean {
  const bytes = parseIPv4(address) ?? parseIPv6(address.replace(/%.*$/, ""));
  if (bytes === undefined) return false;
  return hosts.some((host) => host.kind === "net" && isWithin(bytes, host.address, host.length));
}

function isWithin(address: AddressBytes, net: AddressBytes, length: number): boolean {
  if (address.length !== net.length) return false;
  const whole = length >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== net[at]) return false;
  const mask = (0xff00 >> (length & 7)) & 0xff;
  return (address[whole]! & mask) === (net[whole]! & mask) || mask === 0;
}
