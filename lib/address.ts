/** An IPv4 or IPv6 address as its bytes, 4 or 16 of them. */
export type AddressBytes = readonly number[];

/** Reads a dotted quad: four decimal numbers up to 255, without leading zeros. */
export function parseIPv4(text: string): AddressBytes | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes: number[] = [];
  for (const part of parts) {
    const byte = parseInt(part, 10);
    // No sign, no blank, no leading zero.
    if (!(byte >= 0 && byte <= 255) || String(byte) !== part) return undefined;
    bytes.push(byte);
  }
  return bytes;
}

/** Reads an IPv6 address in any of the forms of RFC 4291, section 2.2; without a zone. */
export function parseIPv6(text: string): AddressBytes | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function parseGroups(text: string, mayEndInIPv4: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at]!;
    if (mayEndInIPv4 && at === groups.length - 1 && group.includes(".")) {
      const quad = parseIPv4(group);
      if (quad === undefined) return undefined;
      bytes.push(...quad);
    } else {
      if (!isGroup(group)) return undefined;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

/** Whether a text is one to four hexadecimal digits. */
function isGroup(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    const letter = byte | 0x20;
    if (!(byte >= 0x30 && byte <= 0x39) && !(letter >= 0x61 && letter <= 0x66)) return false;
  }
  return text.length >= 1 && text.length <= 4;
}

/**
 * An address in text form: IPv4 as a dotted quad, IPv6 by RFC 5952, an IPv4-mapped one with a dotted
 * quad at its end.
 */
export function addressText(bytes: AddressBytes): string {
  if (bytes.length === 4) return bytes.join(".");
  if (isMapped(bytes)) return `::ffff:${bytes.slice(12).join(".")}`;
  const groups = groupsOf(bytes);
  // The first of the longest runs of zeros. A single zero is not shortened.
  let start = 0;
  let length = 1;
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (groups[end] === 0) end++;
    if (end - at <= length) continue;
    start = at;
    length = end - at;
  }
  const hex = groups.map((group) => group.toString(16));
  if (length === 1) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** Whether an IPv6 address is IPv4-mapped, ::ffff:0:0/96 (RFC 4291, section 2.5.5.2). */
export function isMapped(bytes: ArrayLike<number>): boolean {
  for (let at = 0; at < 10; at++) if (bytes[at] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** Whether the first `length` bits of two addresses of one family are the same. */
export function isWithin(address: AddressBytes, net: AddressBytes, length: number): boolean {
  if (address.length !== net.length) return false;
  const whole = length >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== net[at]) return false;
  const mask = (0xff00 >> (length & 7)) & 0xff;
  return (address[whole]! & mask) === (net[whole]! & mask) || mask === 0;
}

/** The eight groups of an IPv6 address. */
function groupsOf(bytes: AddressBytes): number[] {
  const groups: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) groups.push(bytes[at]! << 8 | bytes[at + 1]!);
  return groups;
}
