/**
 * The language of `ssl_allowed_subjects` and `command_allowed_subjects`: names of a certificate, each
 * compared by itself. A name is never searched for in a flattened subject, where the value of one
 * attribute could pass for another.
 */
import { addressText, parseIPv4, parseIPv6 } from "../address.ts";
import { isBlank } from "../bytes.ts";
import type { Reading } from "./directive.ts";

/** A name in a certificate, as a byte string in UTF-8. */
export interface CertificateName {
  /** An attribute of the subject with its `=`, or a kind of alternative name with its `:`. */
  readonly kind: string;
  /** undefined where the certificate's text cannot be decoded; it is then like no other. */
  readonly value: string | undefined;
}

/** A name that a certificate must have. */
export interface SubjectPattern {
  readonly kind: string;
  /** {@link WILDCARD} stands for each `*` outside of quotes. */
  readonly value: string;
}

/** No text of nrpe.cfg holds a NUL byte. */
export const WILDCARD = "\0";

/**
 * Attributes of subjects by their object identifiers, with the names that openssl(1) prints. One text,
 * since every check under inetd would pay for an object.
 */
const ATTRIBUTES = "2.5.4.3=CN 2.5.4.5=serialNumber 2.5.4.6=C 2.5.4.7=L 2.5.4.8=ST 2.5.4.10=O " +
  "2.5.4.11=OU 1.2.840.113549.1.9.1=emailAddress 0.9.2342.19200300.100.1.1=UID " +
  "0.9.2342.19200300.100.1.25=DC";

/** The kind of an attribute, by its object identifier in dotted form. */
export function attributeKind(identifier: string): string {
  for (const pair of ATTRIBUTES.split(" ")) {
    if (pair.startsWith(`${identifier}=`)) return `${pair.slice(identifier.length + 1)}=`;
  }
  return `${identifier}=`;
}

/** Reads a list of patterns. One that is empty, or of which a part makes no sense, is an error. */
export function readSubjects(text: string): Reading<readonly SubjectPattern[]> {
  const items = splitItems(text);
  if (items === undefined) return { kind: "error", reason: "a double quote is not closed" };
  const patterns: SubjectPattern[] = [];
  for (const item of items) {
    const pattern = readPattern(item);
    if (typeof pattern === "string") return { kind: "error", reason: pattern };
    patterns.push(pattern);
  }
  return { kind: "value", value: patterns };
}

/**
 * Splits a list at its commas, without the blanks around its items. In double quotes every character
 * stands for itself, but for a backslash, which quotes the next one.
 * @returns undefined where a quote is not closed.
 */
function splitItems(text: string): readonly string[] | undefined {
  const items: string[] = [];
  let item = "";
  let blanks = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === '"') quoted = !quoted;
    else if (!quoted && letter === ",") {
      items.push(item);
      item = blanks = "";
      continue;
    } else if (!quoted && isBlank(text.charCodeAt(at))) {
      if (item !== "") blanks += letter;
      continue;
    }
    item += blanks;
    blanks = "";
    if (letter === '"') continue;
    if (quoted && letter === "\\") {
      if (++at === text.length) return undefined;
      item += text[at]!;
    } else item += !quoted && letter === "*" ? WILDCARD : letter;
  }
  return quoted ? undefined : [...items, item];
}

/** The pattern of an item, or what is wrong with it. */
function readPattern(item: string): SubjectPattern | string {
  const shown = JSON.stringify(item.replaceAll(WILDCARD, "*"));
  if (item === "") return "a part of the list is empty";
  const at = item.search(/[=:]/);
  const kind = at < 0 ? undefined : kindNamed(item.slice(0, at), item[at]!);
  if (kind === undefined) {
    return `${shown} does not begin with DNS:, IP:, URI:, EMAIL:, CN= or another attribute`;
  }
  const value = item.slice(at + 1);
  if (value === "") return `${shown} has no value`;
  if (kind === "IP:") {
    const bytes = parseIPv4(value) ?? parseIPv6(value);
    return bytes === undefined
      ? `${shown} is no IPv4 or IPv6 address`
      : { kind, value: addressText(bytes) };
  }
  if (!value.includes(WILDCARD)) {
    return { kind, value: kind === "DNS:" ? value.toLowerCase() : value };
  }
  if (kind !== "DNS:" && kind !== "CN=") return `${shown}: * counts in DNS: and CN= alone`;
  for (const label of value.split(".")) {
    if (label.split(WILDCARD).length > 2) return `${shown} has more than one * in a label`;
    if (label === "") return `${shown} has an empty label`;
  }
  return { kind, value: kind === "DNS:" ? value.toLowerCase() : value };
}

function kindNamed(word: string, mark: string): string | undefined {
  if (mark === ":") {
    const kind = `${word.toUpperCase()}:`;
    // The kinds of RFC 5280, 4.2.1.6, that can be compared.
    return ["DNS:", "IP:", "URI:", "EMAIL:"].includes(kind) ? kind : undefined;
  }
  if (/^[0-2](\.(0|[1-9][0-9]*))+$/.test(word)) return attributeKind(word);
  const small = word.toLowerCase();
  for (const pair of ATTRIBUTES.split(" ")) {
    const name = pair.slice(pair.indexOf("=") + 1);
    if (name.toLowerCase() === small) return `${name}=`;
  }
  return undefined;
}
