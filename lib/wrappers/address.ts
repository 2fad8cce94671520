/** Addresses and numbers as the C library reads them, which is how the access language does. */
import { type AddressBytes, addressText, isMapped, parseIPv6 } from "../address.ts";
import { isBlank } from "../bytes.ts";

const ASCII_ZERO = 0x30;

/**
 * The value of an IPv4 address of four parts, or undefined.
 *
 * Each part may be decimal, octal (`012`) or hexadecimal (`0xa`), as for inet_addr(3); what follows
 * white space is ignored. 255.255.255.255 is no address, because that is what inet_addr(3)
 * returns for an error.
 */
export function ipv4Value(text: string): number | undefined {
  if (runsBetweenDots(text) !== 4) return undefined;
  let value = 0;
  let parts = 0;
  for (let at = 0;;) {
    let end = at;
    while (end < text.length && text[end] !== "." && !isBlank(text.charCodeAt(end))) end++;
    const part = numberOfPart(text, at, end);
    const last = text[end] !== ".";
    // The last part fills all bytes that are left: 10.1 is 10.0.0.1.
    const limit = last ? 2 ** (32 - 8 * parts) : 256;
    if (part === undefined || part >= limit || parts > 3) return undefined;
    value += last ? part : part * 2 ** (24 - 8 * parts);
    if (last) return value === 0xffffffff ? undefined : value;
    parts++;
    at = end + 1;
  }
}

function runsBetweenDots(text: string): number {
  let runs = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "." && (at === 0 || text[at - 1] === ".")) runs++;
  }
  return runs;
}

/** The number between two places: decimal, octal after a 0, hexadecimal after 0x. */
function numberOfPart(text: string, start: number, end: number): number | undefined {
  let at = start;
  let base = 10;
  if (text[at] === "0") {
    base = 8;
    if (at + 2 < end && (text[at + 1] === "x" || text[at + 1] === "X")) {
      base = 16;
      at += 2;
    }
  }
  if (at === end) return undefined;
  let value = 0;
  for (; at < end; at++) {
    const digit = digitValue(text.charCodeAt(at));
    if (digit >= base) return undefined;
    value = value * base + digit;
  }
  return value;
}

function digitValue(byte: number): number {
  if (byte >= ASCII_ZERO && byte <= 0x39) return byte - ASCII_ZERO;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : 16;
}

/**
 * The value of an IPv6 address (RFC 4291 section 2.2), or undefined.
 *
 * A zone is read and dropped: the name of an interface after a link-local address, a number after
 * others.
 */
export function ipv6Value(text: string): AddressBytes | undefined {
  const percent = text.indexOf("%");
  const bytes = parseIPv6(percent < 0 ? text : text.slice(0, percent));
  if (bytes === undefined) return undefined;
  if (percent < 0) return bytes;
  const zone = text.slice(percent + 1);
  const second = bytes[1]!;
  const linkLocal = bytes[0] === 0xfe
    ? (second & 0xc0) === 0x80
    : bytes[0] === 0xff && (second & 0x0f) === 0x02;
  return (linkLocal ? /^[\w.-]+$/ : /^[0-9]+$/).test(zone) ? bytes : undefined;
}

const MAPPED = "::ffff:";

/**
 * The IPv4 address in an IPv4-mapped IPv6 address in dotted form (`::ffff:10.0.0.1`); any other text
 * unchanged. A mapped client counts as an IPv4 client.
 */
export function unmapped(text: string): string {
  if (text.length < 14 || text.charCodeAt(0) !== 0x3a) return text;
  const rest = text.slice(MAPPED.length);
  return text.slice(0, MAPPED.length).toLowerCase() === MAPPED && ipv4Value(rest) !== undefined
    ? rest
    : text;
}

/** The IPv4 address in an IPv4-mapped IPv6 address of any spelling, or undefined. */
export function mappedIpv4(text: string): string | undefined {
  const bytes = ipv6Value(text);
  return bytes !== undefined && isMapped(bytes) ? addressText(bytes.slice(12)) : undefined;
}

/** The IPv4 mask of a length from 1 to 32. */
export function ipv4Mask(length: number): number {
  return (0xffffffff << (32 - length)) >>> 0;
}

/** The length of an IPv4 mask whose ones are contiguous, or undefined. */
export function maskLength(mask: number): number | undefined {
  const inverse = ~mask >>> 0;
  return (inverse & (inverse + 1)) === 0 ? Math.clz32(inverse) : undefined;
}

/** The text of an IPv4 address. */
export function ipv4Text(value: number): string {
  return addressText([24, 16, 8, 0].map((shift) => (value >>> shift) & 255));
}

/**
 * The number at the start of a text, as atoi(3) reads it: white space, sign and digits; the rest is
 * ignored. 0 without digits; NaN where an `int` would overflow.
 */
export function leadingNumber(text: string): number {
  let at = 0;
  while (isBlank(text.charCodeAt(at))) at++;
  const negative = text[at] === "-";
  if (negative || text[at] === "+") at++;
  let value = 0;
  for (; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ASCII_ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (value > 0x7fffffff) return NaN;
  return negative ? -value : value;
}
