/**
 * Checks of `net/mask` and `[net]/length`, which a slip makes match no client, or every one.
 */
import {
  ipv4Mask,
  ipv4Text,
  ipv4Value,
  ipv6Value,
  leadingNumber,
  mappedIpv4,
  maskLength,
} from "../address.ts";
import { delimiterAt } from "../pattern.ts";
import type { Report } from "./finding.ts";

/** Checks a pattern that holds a slash. */
export function lintNet(word: string, report: Report): void {
  const slash = delimiterAt(word, "/");
  const net = word.slice(0, slash);
  const mask = word.slice(slash + 1);
  if (net.startsWith("[")) lintIpv6Net(net, mask, report);
  else if (net.includes(":")) report("ipv6-without-brackets/net", { net, length: mask });
  else if (/[*?]/.test(word)) report("wildcard-in-net");
  else if (/^(0[xX])?[0-9]/.test(net)) lintIpv4Net(net, mask, report);
  else report(/^[.~]/.test(net) ? "not-a-net/file" : "not-a-net/name");
}

function lintIpv4Net(net: string, mask: string, report: Report): void {
  const parts = net.replace(/\.+$/, "").split(".");
  if (parts.length < 4 && parts.every((part) => /^[0-9]{1,3}$/.test(part))) {
    return report("short-net", { net: [...parts, "0", "0", "0"].slice(0, 4).join("."), mask });
  }
  const value = ipv4Value(net);
  if (value === undefined) return report("bad-address/net", { net });
  if (LEADING_ZERO.test(net)) {
    report("octal-number/net", { value: ipv4Text(value), net: decimalParts(net), mask });
  }
  if (mask === "255.255.255.255") return report("mask-all-ones", { host: net });
  const bits = ipv4Value(mask);
  if (bits === undefined) lintIpv4Length(net, value, mask, report);
  else lintIpv4Mask(net, value, mask, bits, report);
}

const LEADING_ZERO = /(^|\.)0[0-9xX]/;

/** A dotted address without the leading zeros of its decimal parts. */
function decimalParts(net: string): string {
  return net.split(".").map((part) => part.replace(/^0+(?=[0-9])/, "")).join(".");
}

function lintIpv4Length(net: string, value: number, text: string, report: Report): void {
  if (!LENGTH.test(text)) return report("empty-net-length/ipv4");
  const length = leadingNumber(text);
  if (length === 0) return report("net-length-zero");
  if (!(length >= 1 && length <= 32)) return report("bad-net-length/ipv4", { length: text });
  lintLengthText(text, length, report);
  const mask = ipv4Mask(length);
  if (hasHostBits(value, mask)) reportHostBits(net, value, mask, String(length), report);
  else if (length === 32) report("single-host-net", { host: net });
}

function lintIpv4Mask(
  net: string,
  value: number,
  text: string,
  mask: number,
  report: Report,
): void {
  const inverse = ~mask >>> 0;
  const isContiguous = maskLength(mask) !== undefined;
  const reaches = !hasHostBits(value, mask);
  if (reaches && LEADING_ZERO.test(text)) {
    report("octal-number/mask", { value: ipv4Text(mask), net });
  } else if (isContiguous) {
    if (!reaches) reportHostBits(net, value, mask, text, report);
  } else if (!reaches && maskLength(inverse) !== undefined) {
    report("inverted-mask", {
      net: ipv4Text((value & inverse) >>> 0),
      mask: ipv4Text(inverse),
    });
  } else report(reaches ? "odd-mask/scattered" : "odd-mask/none");
}

function hasHostBits(value: number, mask: number): boolean {
  return ((value & mask) >>> 0) !== value;
}

function reportHostBits(
  host: string,
  value: number,
  bits: number,
  mask: string,
  report: Report,
): void {
  report("host-bits-set", { net: ipv4Text((value & bits) >>> 0), mask, host });
}

function lintIpv6Net(net: string, text: string, report: Report): void {
  if (!net.endsWith("]")) return report("bad-brackets/net");
  if (!lintBracketed(net.slice(1, -1), text, report)) return;
  if (!LENGTH.test(text)) return report("empty-net-length/ipv6");
  const length = leadingNumber(text);
  if (!(length >= 0 && length <= 128)) return report("bad-net-length/ipv6", { length: text });
  lintLengthText(text, length, report);
}

/**
 * Checks the text in brackets, which must be an IPv6 address; returns whether it can match.
 *
 * @param length The text after the slash that follows the brackets; undefined for an address.
 */
export function lintBracketed(inner: string, length: string | undefined, report: Report): boolean {
  const slash = inner.indexOf("/");
  const ipv4 = mappedIpv4(inner);
  if (slash >= 0) {
    const [net, inside] = [inner.slice(0, slash), inner.slice(slash + 1)];
    report("length-inside-brackets", { net, length: inside });
  } else if (/^[0-9.]+$/.test(inner)) {
    report("ipv4-in-brackets", { pattern: length === undefined ? inner : `${inner}/${length}` });
  } else if (ipv6Value(inner) === undefined) {
    if (/[*?]/.test(inner)) report("bad-ipv6-address/wildcard");
    else if (inner === "") report("bad-ipv6-address/empty");
    else if (/[^:]:$/.test(inner)) report("bad-ipv6-address/prefix", { text: inner });
    else report("bad-ipv6-address/text", { text: inner });
  } else if (ipv4 !== undefined) {
    const bits = length === undefined ? 128 : leadingNumber(length);
    report("mapped-address", {
      pattern: bits >= 97 && bits < 128 ? `${ipv4}/${bits - 96}` : ipv4,
    });
  } else {
    if (inner.includes("%")) report("zone-ignored");
    return true;
  }
  return false;
}

/** A length begins with digits; what follows them is ignored. */
const LENGTH = /^[+-]?[0-9]/;

function lintLengthText(text: string, length: number, report: Report): void {
  if (!/^[0-9]+$/.test(text)) report("odd-net-length", { text, length });
}
