import { isBlank, trimBlanks } from "../bytes.ts";
import {
  type AddressBytes,
  addressText,
  isMapped,
  isWithin,
  parseIPv4,
  parseIPv6,
} from "../address.ts";

/** One entry of nrpe.cfg's `allowed_hosts`. */
export type AllowedHost =
  | { readonly kind: "net"; readonly address: AddressBytes; readonly length: number }
  | { readonly kind: "name"; readonly name: string };

/** A list of allowed hosts, without invalid entries. */
interface AllowedHosts {
  readonly hosts: readonly AllowedHost[];
  /** What has another meaning than it seems to have, and what to write instead. */
  readonly doubt?: string;
}

/** An item of the list: its host, if it is valid, and a warning about it. */
interface Item {
  readonly host: AllowedHost | undefined;
  readonly doubt?: string;
}

/**
 * Reads `allowed_hosts`: a comma-separated list of IPv4 and IPv6 addresses, with or without `/length`,
 * and host names. A list without a valid entry is empty and allows no host.
 *
 * It is read as by NRPE 4.1.0, as observed: only the first word of an item counts, an IPv4 net with
 * host bits set matches nothing, and an IPv4 length of 0 is the same as 32. Each of these is a doubt.
 */
export function parseAllowedHosts(text: string): AllowedHosts {
  const hosts: AllowedHost[] = [];
  let doubt = "";
  for (const part of text.split(",")) {
    const whole = trimBlanks(part);
    if (whole === "") continue;
    const word = firstWord(whole);
    const item = parseItem(word);
    if (item.host !== undefined) hosts.push(item.host);
    if (word !== whole) doubt = joined(doubt, doubtOfWords(whole, word, item));
    if (item.doubt !== undefined) doubt = joined(doubt, item.doubt);
  }
  if (hosts.length === 0) doubt = joined(doubt, "nobody is allowed by it");
  return doubt === "" ? { hosts } : { hosts, doubt };
}

function joined(doubts: string, doubt: string): string {
  return doubts === "" ? doubt : `${doubts}; ${doubt}`;
}

/** The longest text that is quoted, in bytes, so that the log line has room for the reason. */
const LONGEST_QUOTE = 100;

function quoted(text: string): string {
  return text.length > LONGEST_QUOTE ? `"${text.slice(0, LONGEST_QUOTE)}..."` : `"${text}"`;
}

function firstWord(text: string): string {
  for (let at = 0; at < text.length; at++) {
    if (isBlank(text.charCodeAt(at))) return text.slice(0, at);
  }
  return text;
}

function doubtOfWords(whole: string, word: string, { host }: Item): string {
  const rest = trimBlanks(whole.slice(word.length));
  const right = rest.startsWith("#")
    ? "a comment has a line of its own"
    : "items are separated by commas";
  return host === undefined
    ? `of ${quoted(whole)} the first word alone counts: ${right}`
    : `${quoted(whole)} allows ${word} alone: ${right}`;
}

function parseItem(text: string): Item {
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  const length = slash < 0 ? undefined : text.slice(slash + 1);
  const quad = parseDecimalQuad(host);
  if (quad !== undefined) return ipv4Item(text, quad, length);
  const bytes = parseIPv6(host);
  if (bytes !== undefined) return ipv6Item(text, bytes, length);
  if (length !== undefined) {
    return leftOut(text, "a length needs an IPv4 or IPv6 address before it");
  }
  return nameItem(text);
}

function leftOut(text: string, reason: string): Item {
  return { host: undefined, doubt: `${quoted(text)} is left out: ${reason}` };
}

/** Four decimal numbers. Unlike elsewhere, leading zeros are ignored. */
function parseDecimalQuad(text: string): AddressBytes | undefined {
  const usual = parseIPv4(text);
  if (usual !== undefined) return usual;
  const bytes: number[] = [];
  for (const part of text.split(".")) {
    const byte = isDecimal(part) ? parseInt(part, 10) : 256;
    if (byte > 255) return undefined;
    bytes.push(byte);
  }
  return bytes.length === 4 ? bytes : undefined;
}

function isDecimal(text: string): boolean {
  return text !== "" && decimalDigits(text) === text.length;
}

/** How many decimal digits a text begins with. */
function decimalDigits(text: string): number {
  let at = 0;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function ipv4Item(text: string, address: AddressBytes, length: string | undefined): Item {
  const usual = addressText(address);
  if (length === undefined) return netItem(text, address, 32, usual);
  const bits = isDecimal(length) ? parseInt(length, 10) : 33;
  if (bits > 32) return leftOut(text, "the length of the net must be 1 to 32");
  if (bits === 0) {
    return {
      host: { kind: "net", address, length: 32 },
      doubt: `${quoted(text)} allows ${usual} alone, a length of 0 is the same as 32: ` +
        "write 0.0.0.0/1,128.0.0.0/1 for every IPv4 address",
    };
  }
  const net = networkOf(address, bits);
  if (!isWithin(address, net, 32)) {
    return {
      host: undefined,
      doubt: `${quoted(text)} matches nothing, since bits behind the mask are set: ` +
        `write ${addressText(net)}/${bits} for the net, or ${usual} for the one host`,
    };
  }
  return netItem(text, address, bits, `${usual}/${bits}`);
}

/** Host bits are ignored here, and so is what follows the digits of the length. */
function ipv6Item(text: string, address: AddressBytes, length: string | undefined): Item {
  const usual = addressText(address);
  if (isMapped(address)) {
    const quad = addressText(address.slice(12));
    return leftOut(text, `a client that comes by IPv4 is ${quad} here, so write that`);
  }
  if (length === undefined) return { host: { kind: "net", address, length: 128 } };
  const digits = decimalDigits(length);
  if (digits === 0 && length !== "") return leftOut(text, "the length of the net must be a number");
  const bits = digits === 0 ? 128 : parseInt(length, 10);
  if (bits > 128) return leftOut(text, "the length of the net must be 0 to 128");
  const host: AllowedHost = { kind: "net", address, length: bits };
  return digits === length.length && digits > 0
    ? { host }
    : { host, doubt: `${quoted(text)} is read as ${usual}/${bits}` };
}

/** @param usual The usual form of the item. */
function netItem(text: string, address: AddressBytes, length: number, usual: string): Item {
  const host: AllowedHost = { kind: "net", address, length };
  return text === usual ? { host } : { host, doubt: `${quoted(text)} is read as ${usual}` };
}

function networkOf(address: AddressBytes, length: number): AddressBytes {
  return address.map((byte, at) => {
    const bits = length - at * 8;
    return bits >= 8 ? byte : bits <= 0 ? 0 : byte & (0xff00 >> bits);
  });
}

function nameItem(name: string): Item {
  const host: AllowedHost = { kind: "name", name };
  if (!isHostName(name)) {
    const guess = isPlaceholder(name) ? ", but perhaps a placeholder that was not filled in" : "";
    return leftOut(name, `neither an address nor a host name${guess}`);
  }
  if (!isNumbers(name)) return { host };
  if (name.split(".").length >= 4) return leftOut(name, "not an IPv4 address");
  return {
    host,
    doubt: `${quoted(name)} is left to the resolver: an IPv4 address has four numbers`,
  };
}

/** Whether a name consists of letters, digits, `.` and `-`, in an order that the C agent accepts. */
function isHostName(name: string): boolean {
  let before = ".";
  for (let at = 0; at < name.length; at++) {
    const letter = name[at]!;
    const alphanumeric = isAlphanumeric(name.charCodeAt(at));
    if (!alphanumeric && letter !== "." && letter !== "-") return false;
    if (before === "." && !alphanumeric) return false;
    before = letter;
  }
  return before !== "." && before !== "-";
}

function isAlphanumeric(byte: number): boolean {
  const letter = byte | 0x20;
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x7a);
}

function isNumbers(name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    if (name[at] !== "." && !isDigit(name.charCodeAt(at))) return false;
  }
  return true;
}

/** Whether a text may be from a template: SERVER_IP, __HOSTS__, {{ hosts }}, $IP, <ip>, %IP%, @IP@. */
function isPlaceholder(text: string): boolean {
  for (const mark of "_${}<>") if (text.includes(mark)) return true;
  return text.startsWith("%") || text.startsWith("@");
}

/** Looks a host name up. Its addresses are in text form. */
export interface Resolver {
  (name: string): Promise<readonly string[]>;
}

/** Whether an address, in text form, is one of the nets and addresses of a list. */
export function isInNets(address: string, hosts: readonly AllowedHost[]): boolean {
  const bytes = parseIPv4(address) ?? parseIPv6(address.replace(/%.*$/, ""));
  if (bytes === undefined) return false;
  return hosts.some((host) => host.kind === "net" && isWithin(bytes, host.address, host.length));
}

/** An entry as text: an address without a length, a net, or a name. */
export function allowedHostText(host: AllowedHost): string {
  if (host.kind === "name") return host.name;
  const { address, length } = host;
  return length === address.length * 8 ? addressText(address) : `${addressText(address)}/${length}`;
}
