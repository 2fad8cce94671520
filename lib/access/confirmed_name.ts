import { findAddresses, findName, isNumericAddress } from "../system/names.ts";
import { ipv6Value, mappedIpv4 } from "../wrappers/address.ts";
import { askAgain } from "./ask_again.ts";
import { equalIgnoringCase, PARANOID, type Unanswered, UNKNOWN } from "../wrappers/request.ts";

const HOSTS_FILE = "/etc/hosts";

/** Names are cut to this length before they are compared, as in tcp_wrappers. */
export const LONGEST_NAME = 127;

/**
 * The name of an address: what reverse lookup gives, if looking that name up leads back.
 *
 * `paranoid` when it does not: the name looks like an address, is an alias, or has other addresses.
 * The name `localhost` may be an alias. An IPv4-mapped address is looked up as the IPv4 address.
 *
 * Only a resolver that says so makes a name `unknown`. One that cannot say leaves it unanswered, since
 * its error is the same whether its servers are silent or this process has no descriptor left.
 */
export function confirmedName(host: string): string | Unanswered {
  const address = mappedIpv4(host) ?? host;
  // An address of IPv6 has several spellings.
  const word = ipv6Value(address) === undefined ? address : ":";
  return askAgain(
    HOSTS_FILE,
    word,
    () => nameOf(address),
    (name) => name === UNKNOWN || name === PARANOID,
  );
}

function nameOf(address: string): string | Unanswered {
  const reverse = findName(address);
  if (reverse.kind === "none") return UNKNOWN;
  if (reverse.kind === "failure") return { unanswered: reverse.reason };
  const name = reverse.answer;
  // Longer names would be cut, and a cut name could pass for another.
  if (name.length > LONGEST_NAME || isNumericAddress(name)) return PARANOID;
  const forward = findAddresses(name, ipv6Value(address) === undefined ? "IPv4" : "IPv6");
  if (forward.kind === "failure") return { unanswered: forward.reason };
  if (forward.kind === "none" || !forward.answer.addresses.includes(address)) return PARANOID;
  const canonical = equalIgnoringCase(forward.answer.canonicalName, name) ||
    equalIgnoringCase(name, "localhost");
  return canonical ? name : PARANOID;
}
