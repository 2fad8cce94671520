import { isNumericAddress, resolveName, reverseName } from "./system/names.ts";
import { ipv6Value, mappedIpv4 } from "./wrappers/address.ts";
import { equalIgnoringCase, PARANOID, UNKNOWN } from "./wrappers/request.ts";

/** Names are cut to this length before they are compared, as in tcp_wrappers. */
export const LONGEST_NAME = 127;

/**
 * The name of an address: what reverse lookup gives, if looking that name up leads back.
 *
 * `paranoid` when it does not: the name looks like an address, is an alias, or has other addresses.
 * The name `localhost` may be an alias. An IPv4-mapped address is looked up as the IPv4 address.
 */
export function confirmedName(host: string): string {
  const address = mappedIpv4(host) ?? host;
  const name = reverseName(address);
  if (name === undefined) return UNKNOWN;
  // Longer names would be cut, and a cut name could pass for another.
  if (name.length > LONGEST_NAME || isNumericAddress(name)) return PARANOID;
  const forward = resolveName(name, ipv6Value(address) === undefined ? "IPv4" : "IPv6");
  if (forward === undefined || !forward.addresses.includes(address)) return PARANOID;
  const canonical = equalIgnoringCase(forward.canonicalName, name) ||
    equalIgnoringCase(name, "localhost");
  return canonical ? name : PARANOID;
}
