/**
 * Checks of `net/mask` and `[net]/length`, where a slip makes a pattern match nobody, or everybody.
 */
import { ipv4Value, ipv6Value, leadingNumber, unmapped } from "../address.ts";
import { type Complaint, complaint } from "./finding.ts";
import { delimiterAt } from "../pattern.ts";

/** The text of an IPv4 address. */
export function dottedQuad(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/** The IPv4 address that an IPv4-mapped IPv6 address stands for, in any spelling, or undefined. */
export function mappedIpv4(text: string): string | undefined {
  if (unmapped(text) !== text) return unmapped(text);
  const groups = ipv6Value(text);
  if (groups === undefined || groups[5] !== 0xffff) return undefined;
  if (groups.slice(0, 5).some((group) => group !== 0)) return undefined;
  return dottedQuad(groups[6]! * 65536 + groups[7]!);
}

/** What is wrong with a pattern that holds a slash. */
export function lintNet(word: string): readonly Complaint[] {
  const slash = delimiterAt(word, "/");
  const net = word.slice(0, slash);
  const mask = word.slice(slash + 1);
  if (net.startsWith("[")) return lintIpv6Net(net, mask);
  if (net.includes(":")) {
    return [complaint(
      "error",
      "ipv6-without-brackets",
      "an IPv6 net needs brackets, without them it matches nobody",
      `write [${net}]/${mask}`,
    )];
  }
  if (/[*?]/.test(word)) {
    return [complaint(
      "error",
      "wildcard-in-net",
      "* and ? mean nothing in a net, so this matches nobody",
      "write the net with a length, 10.0.0.0/24, or a prefix, 10.0.0.",
    )];
  }
  if (!/^(0[xX])?[0-9]/.test(net)) {
    return [complaint(
      "error",
      "not-a-net",
      "a pattern with a slash is a net of numbers, and this is none; it matches nobody",
      /^[.~]/.test(net)
        ? "name a pattern file by its full path, which begins with /"
        : "write the net as n.n.n.n/length",
    )];
  }
  return lintIpv4Net(net, mask);
}

function lintIpv4Net(net: string, mask: string): readonly Complaint[] {
  const parts = net.replace(/\.+$/, "").split(".");
  if (parts.length < 4 && parts.every((part) => /^[0-9]{1,3}$/.test(part))) {
    const padded = [...parts, "0", "0", "0"].slice(0, 4).join(".");
    return [complaint(
      "error",
      "short-net",
      "a net needs all four parts, so this matches nobody",
      `write ${padded}/${mask}`,
    )];
  }
  const value = ipv4Value(net);
  if (value === undefined) {
    return [complaint("error", "bad-address", `${net} is no IPv4 address, so this matches nobody`)];
  }
  const odd: Complaint[] = [];
  if (/(^|\.)0[0-9xX]/.test(net)) {
    odd.push(complaint(
      "warning",
      "octal-number",
      `in a net a leading 0 means octal (0x hexadecimal): this is ${dottedQuad(value)}`,
      `write ${decimalParts(net)}/${mask}`,
    ));
  }
  const bits = lintIpv4Mask(net, value, mask);
  return "code" in bits ? [...odd, bits] : [...odd, ...bits.complaints];
}

/** A dotted address with the leading zeros of its decimal parts gone. */
function decimalParts(net: string): string {
  return net.split(".").map((part) => part.replace(/^0+(?=[0-9])/, "")).join(".");
}

function lintIpv4Mask(
  net: string,
  value: number,
  mask: string,
): Complaint | { readonly complaints: readonly Complaint[] } {
  if (mask === "255.255.255.255") {
    return complaint(
      "error",
      "mask-all-ones",
      "255.255.255.255 is no valid mask, so this matches nobody",
      `write ${net} for the one host`,
    );
  }
  const dotted = ipv4Value(mask);
  if (dotted !== undefined) return lintDottedMask(net, value, mask, dotted);
  if (!/^[+-]?[0-9]/.test(mask)) return noLength("matches nobody");
  const length = leadingNumber(mask);
  if (length === 0) {
    return complaint(
      "error",
      "net-length-zero",
      "a length of 0 is not valid for IPv4, so this matches nobody",
      "write ALL for everyone, or 0.0.0.0/0.0.0.0 for every IPv4 address",
    );
  }
  if (!(length >= 1 && length <= 32)) return badLength(mask, "1 to 32");
  const odd = oddLength(mask, length);
  const bits = lintHostBits(net, value, (0xffffffff << (32 - length)) >>> 0, String(length));
  if (bits !== undefined) return { complaints: [...odd, bits] };
  if (length < 32) return { complaints: odd };
  const single = complaint(
    "hint",
    "single-host-net",
    "a net of one host; the mask 255.255.255.255 would not work, the address alone always does",
    `write ${net}`,
  );
  return { complaints: [...odd, single] };
}

function lintDottedMask(
  net: string,
  value: number,
  maskText: string,
  mask: number,
): Complaint | { readonly complaints: readonly Complaint[] } {
  const inverse = ~mask >>> 0;
  const contiguous = isContiguous(mask);
  const matches = ((value & mask) >>> 0) === value;
  if (!contiguous && isContiguous(inverse) && !matches) {
    return complaint(
      "error",
      "inverted-mask",
      "this mask has its ones at the wrong end, so it matches nobody",
      `write ${dottedQuad((value & inverse) >>> 0)}/${dottedQuad(inverse)}`,
    );
  }
  const bits = lintHostBits(net, value, mask, maskText);
  if (bits !== undefined) return bits;
  if (/(^|\.)0[0-9xX]/.test(maskText)) {
    return complaint(
      "warning",
      "octal-number",
      `in a mask a leading 0 means octal (0x hexadecimal): this is ${dottedQuad(mask)}`,
      `write ${net}/${dottedQuad(mask)}`,
    );
  }
  if (contiguous) return { complaints: [] };
  return complaint(
    "warning",
    "odd-mask",
    "the ones of this mask are not in one run from the left; it works, but is it meant?",
  );
}

function isContiguous(mask: number): boolean {
  const inverse = ~mask >>> 0;
  return (inverse & (inverse + 1)) === 0;
}

function lintHostBits(
  net: string,
  value: number,
  mask: number,
  maskText: string,
): Complaint | undefined {
  const masked = (value & mask) >>> 0;
  if (masked === value) return undefined;
  return complaint(
    "error",
    "host-bits-set",
    "bits behind the mask are set, so this matches nobody, not even that host",
    `write ${dottedQuad(masked)}/${maskText} for the net, or ${net} for the one host`,
  );
}

function lintIpv6Net(net: string, mask: string): readonly Complaint[] {
  if (!net.endsWith("]")) {
    return [complaint(
      "error",
      "bad-brackets",
      "text stands between the brackets and the slash, so this matches nobody",
      "write [address]/length",
    )];
  }
  const inner = net.slice(1, -1);
  const address = lintBracketed(inner, mask);
  if (address.some(({ severity }) => severity === "error")) return address;
  if (!/^[+-]?[0-9]/.test(mask)) return [...address, noLength("matches every IPv6 address")];
  const length = leadingNumber(mask);
  if (!(length >= 0 && length <= 128)) return [...address, badLength(mask, "0 to 128")];
  return [...address, ...oddLength(mask, length)];
}

/**
 * What is wrong with the text inside brackets, which has to be an IPv6 address.
 *
 * @param length The length behind the brackets, undefined for a single address.
 */
export function lintBracketed(inner: string, length: string | undefined): readonly Complaint[] {
  const behind = length === undefined ? "" : `/${length}`;
  const slash = inner.indexOf("/");
  if (slash >= 0) {
    return [complaint(
      "error",
      "length-inside-brackets",
      "the length stands inside the brackets, so this matches nobody",
      `write [${inner.slice(0, slash)}]${inner.slice(slash)}`,
    )];
  }
  if (/^[0-9.]+$/.test(inner)) {
    return [complaint(
      "error",
      "ipv4-in-brackets",
      "brackets are for IPv6 addresses only, so this matches nobody",
      `write ${inner}${behind}`,
    )];
  }
  if (ipv6Value(inner) === undefined) {
    return [complaint(
      "error",
      "bad-ipv6-address",
      /[*?]/.test(inner)
        ? "* and ? mean nothing in brackets, so this matches nobody"
        : `${inner === "" ? "nothing" : inner} is no IPv6 address, so this matches nobody`,
      /[*?]|[^:]:$/.test(inner) ? "write a net with its length, [2001:db8::]/32" : undefined,
    )];
  }
  const ipv4 = mappedIpv4(inner);
  if (ipv4 !== undefined) {
    const bits = length === undefined ? 128 : leadingNumber(length);
    return [complaint(
      "error",
      "mapped-address",
      "a client with an IPv4-mapped address counts as an IPv4 client, so this matches nobody",
      `write ${ipv4}${bits >= 97 && bits < 128 ? `/${bits - 96}` : ""}`,
    )];
  }
  if (inner.includes("%")) {
    return [complaint(
      "warning",
      "zone-ignored",
      "the zone behind % is not compared: the address matches on every interface",
    )];
  }
  return [];
}

function noLength(consequence: string): Complaint {
  return complaint(
    "error",
    "empty-net-length",
    `no length stands behind the slash, so this ${consequence}`,
    "write the length right behind the slash, without a blank",
  );
}

function badLength(mask: string, range: string): Complaint {
  return complaint(
    "error",
    "bad-net-length",
    `${mask} is neither a mask nor a length from ${range}, so this matches nobody`,
  );
}

function oddLength(mask: string, length: number): readonly Complaint[] {
  if (/^[0-9]+$/.test(mask)) return [];
  return [complaint("warning", "odd-net-length", `the length ${mask} is read as ${length}`)];
}
