/**
 * Checks of a word that stands for hosts: in a client list, behind the `@` of a daemon list, or in a
 * pattern file.
 */
import { ipv6Value } from "../address.ts";
import { type Complaint, complaint } from "./finding.ts";
import { lintBracketed, lintNet } from "./net.ts";
import { lintKeyword } from "./keyword.ts";
import { oddCharacter } from "./character.ts";
import { matchesText, parseHostPattern } from "../pattern.ts";
import { PARANOID, UNKNOWN } from "../request.ts";

/** What is wrong with a host pattern; a path is only looked at as a word. */
export function lintHost(word: string): readonly Complaint[] {
  if (/^\/[0-9.]*$/.test(word)) {
    return [complaint(
      "error",
      "blank-in-net",
      "net and mask must not be apart: this is read as the name of a file",
      "take the blank before the slash away",
    )];
  }
  if (word === "") {
    return [
      complaint("error", "empty-host", "no host stands behind the @, so this matches nobody"),
    ];
  }
  const pattern = parseHostPattern(word);
  if (pattern.kind === "netgroup") return lintNetgroup(pattern.netgroup);
  if (pattern.kind === "file") return [];
  const odd = oddCharacter(word);
  if (odd !== undefined) return [odd];
  switch (pattern.kind) {
    case "net":
      return lintNet(word);
    case "text":
      return lintText(word);
    default:
      return [];
  }
}

function lintNetgroup(netgroup: string): readonly Complaint[] {
  if (netgroup === "") {
    return [complaint("error", "empty-netgroup", "the name of a netgroup is missing behind the @")];
  }
  if (/^(all|known|unknown|local|paranoid)$/i.test(netgroup)) {
    return [complaint(
      "warning",
      "wildcard-as-netgroup",
      "a word that begins with @ is a netgroup, so this is no wildcard",
      `write ${netgroup.toUpperCase()}, or USER@${netgroup.toUpperCase()}`,
    )];
  }
  return /^[0-9.]+$/.test(netgroup)
    ? [complaint(
      "error",
      "address-as-netgroup",
      "a word that begins with @ is a netgroup, so this does not match the address",
      `write ${netgroup}`,
    )]
    : [];
}

function lintText(word: string): readonly Complaint[] {
  if (word.startsWith("[") && word.endsWith("]")) {
    return lintBracketed(word.slice(1, -1), undefined);
  }
  if (/[[\]]/.test(word)) {
    return [complaint(
      "error",
      "bad-brackets",
      "brackets hold one IPv6 address and nothing else, so this matches nobody",
      /\[[^:]*\]/.test(word) ? "there are no character classes: write a net" : "write [address]",
    )];
  }
  if (/[*?]/.test(word)) return lintWildcard(word);
  if (word.includes(":")) return lintBareIpv6(word);
  if (/^(0[xX])?[0-9a-fA-F]*\.?$/.test(word) && /^0[xX]/.test(word)) return [notAnAddress(word)];
  if (/^[0-9.]+$/.test(word)) return lintNumeric(word);
  if (/^0[xX][0-9a-fA-F]+\./.test(word)) return [notAnAddress(word)];
  if (/^[0-9]+\.[0-9.]*-[0-9.]+$/.test(word)) {
    return [complaint(
      "error",
      "address-range",
      "there are no ranges of addresses, so this matches nobody",
      "write a net, 10.0.0.0/28, or each address",
    )];
  }
  if (word.endsWith(".")) {
    return [complaint(
      "warning",
      "name-prefix",
      "with a dot at its end this matches every name that begins so, whoever chose that name, " +
        "and not the name itself",
      `write ${word.slice(0, -1)} for one host`,
    )];
  }
  const keyword = lintKeyword(word, "host");
  return keyword.length > 0 || !/^[\w-]+$/.test(word) || KNOWN_SHORT.test(word)
    ? keyword
    : [SHORT_NAME];
}

/** Words of the language, and the one host whose name has no dot everywhere. */
const KNOWN_SHORT = /^(all|known|unknown|local|paranoid|localhost)$/i;

const SHORT_NAME = complaint(
  "hint",
  "short-name",
  "most clients are known by their full name, and this name without a dot then does not match",
  "write the full name; --lookup checks it",
);

function lintWildcard(word: string): readonly Complaint[] {
  if (word.startsWith(".") || word.endsWith(".")) {
    return [complaint(
      "error",
      "wildcard-with-dot",
      "beside * or ? a dot at either end means itself, so this matches nobody",
      word.startsWith(".")
        ? `write ${word.slice(1)}, or the domain without * and ?`
        : "write the prefix without * and ?, or leave the last dot out",
    )];
  }
  if (/^[0-9]+\.[0-9.*?]*\*$/.test(word)) {
    const prefix = /^([0-9]+\.){1,3}(?=\*$)/.exec(word)?.[0];
    return [complaint(
      "warning",
      "wildcard-matches-names",
      "this is compared with names too: whoever may name a host of his own can make it match",
      prefix === undefined
        ? "write a net"
        : `write ${prefix}, which is compared with addresses only`,
    )];
  }
  const nameless = [UNKNOWN, PARANOID].filter((name) =>
    matchesText({ kind: "wildcard", text: word }, name)
  );
  if (nameless.length === 0 || /^\*+$/.test(word)) return [];
  return [complaint(
    "warning",
    "wildcard-matches-nameless",
    `a client without a sound name is called ${nameless.join(" or ")}, and this matches that`,
    "put a dot into the pattern, *.example",
  )];
}

/** An IPv6 address without brackets, which no client list can hold but a pattern file can. */
function lintBareIpv6(word: string): readonly Complaint[] {
  return [complaint(
    "warning",
    "ipv6-without-brackets",
    "without brackets an IPv6 address is compared letter by letter, and has many spellings",
    ipv6Value(word) === undefined ? undefined : `write [${word}]`,
  )];
}

function notAnAddress(word: string): Complaint {
  return complaint(
    "error",
    "bad-address",
    `${word} is not how an address is spelled, and addresses are compared as text; ` +
      "this matches nobody",
    "write four decimal numbers from 0 to 255 with dots between",
  );
}

function lintNumeric(word: string): readonly Complaint[] {
  if (word.startsWith(".")) {
    return [complaint(
      "warning",
      "numeric-suffix",
      "with a dot before it this matches every address that ends so",
      "write a prefix, 10.0.0., or a net",
    )];
  }
  const prefix = word.endsWith(".");
  const parts = (prefix ? word.slice(0, -1) : word).split(".");
  if (parts.length > 4 || parts.some((part) => part === "" || Number(part) > 255)) {
    return [notAnAddress(word)];
  }
  if (parts.some((part) => /^0[0-9]/.test(part))) {
    return [complaint(
      "error",
      "leading-zero",
      "addresses are compared as text and have no leading zeros, so this matches nobody",
      `write ${parts.map(Number).join(".")}${prefix ? "." : ""}`,
    )];
  }
  if (parts.length === 4) {
    return prefix
      ? [complaint(
        "error",
        "address-with-dot",
        "no address goes on after its fourth part, so this matches nobody",
        `write ${word.slice(0, -1)}`,
      )]
      : [];
  }
  if (prefix) return [];
  return [complaint(
    "error",
    "prefix-without-dot",
    "the beginning of an address needs a dot at its end, without it this matches nobody",
    `write ${word}.`,
  )];
}
