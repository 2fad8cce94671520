import { addressText, parseIPv6 } from "./address.ts";

/** Of an IPv6 address, how many bytes name the network that one host can have all to itself. */
const NET_BYTES = 8;

/**
 * What limits and turns count a client as: its address, for IPv6 its network of 64 bits (RFC 4291,
 * 2.5.1). Link-local neighbours share one, and count as addresses.
 */
export function sourceOf(address: string): string {
  if (!address.includes(":")) return address;
  const bytes = parseIPv6(address);
  if (bytes === undefined || (bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80)) return address;
  const net = bytes.map((byte, at) => at < NET_BYTES ? byte : 0);
  return `${addressText(net)}/${8 * NET_BYTES}`;
}
