/**
 * Why a pattern matches or does not, in a clause.
 *
 * It reads the same parsed patterns as the decision, after it: the decision does no work for it.
 */
import { ipv4Text, ipv4Value, ipv6Value, unmapped } from "./address.ts";
import {
  delimiterAt,
  type HostPattern,
  inNet,
  matchesText,
  type Net,
  parseClientPattern,
  parseDaemonPattern,
  type TextPattern,
} from "./pattern.ts";
import { type Host, isKnownName, isUnknown, type Request, UNKNOWN } from "./request.ts";

/** Why a word of a daemon list matches or does not. */
export function explainDaemon(word: string, matched: boolean, request: Request): string {
  const { daemon, server } = parseDaemonPattern(word);
  if (daemon.kind === "port") {
    const { port } = request.server;
    if (port === undefined) return "a port of the server, which is not known here";
    if (port !== daemon.port) return `the server's port is ${port}`;
  } else if (!matchesText(daemon, request.daemon)) return `the daemon is ${request.daemon}`;
  if (server === undefined) return daemon.kind === "ALL" ? "every daemon" : "the daemon";
  const host = word.slice(delimiterAt(word, "@", 1) + 1);
  const why = explainHost(host, server, matched, request.server, "server");
  return matched ? `the daemon, and ${why}` : why;
}

/** Whether a word of a daemon list names the daemon, at any address of the server. */
export function namesDaemon(word: string, request: Request): boolean {
  const { daemon } = parseDaemonPattern(word);
  if (daemon.kind !== "port") return matchesText(daemon, request.daemon);
  return request.server.port === undefined || request.server.port === daemon.port;
}

/** Why a word of a client list matches or does not. */
export function explainClient(word: string, matched: boolean, request: Request): string {
  const { host, user } = parseClientPattern(word);
  const hostText = user === undefined ? word : word.slice(delimiterAt(word, "@", 1) + 1);
  if (user === undefined) return explainHost(hostText, host, matched, request.client, "client");
  if (matched) {
    return `${explainHost(hostText, host, true, request.client, "client")}, and so does the user`;
  }
  // The host is compared first: where the user matches, it was the host that did not.
  return request.user !== undefined && !matchesText(user, request.user)
    ? isUnknown(request.user)
      ? "the user is unknown, or the host does not match"
      : `the user is ${request.user}, or the host does not match`
    : explainHost(hostText, host, false, request.client, "client");
}

type Role = "client" | "server";

function explainHost(
  word: string,
  pattern: HostPattern,
  matched: boolean,
  host: Host,
  role: Role,
): string {
  switch (pattern.kind) {
    case "netgroup":
      if (typeof host.name === "object") return nameIs(host, role);
      return `${nameText(host, role)} is ${matched ? "" : "not "}in the netgroup`;
    case "file":
      return matched ? "a pattern in the file matches" : "no pattern in the file matches";
    case "KNOWN":
      return matched
        ? "address and name are known"
        : isUnknown(host.address)
        ? `the ${role}'s address is unknown`
        : nameIs(host, role);
    case "LOCAL":
      return matched
        ? `${nameText(host, role)} has no dot`
        : isKnownName(host.name)
        ? `${nameText(host, role)} has a dot`
        : nameIs(host, role);
    case "net":
      return explainNet(pattern.net, word, matched, host);
    case "text":
      return explainText(pattern.text, pattern.names, matched, host, role);
  }
}

function explainNet(net: Net, word: string, matched: boolean, host: Host): string {
  if (matched) return `${host.address} is in the net`;
  if (net.kind === "bad") return `not a valid net: ${net.reason}`;
  if (isUnknown(host.address)) return "the address is unknown";
  const text = unmapped(host.address);
  if (net.kind === "ipv6") {
    return ipv6Value(text) === undefined
      ? `${text} is not an IPv6 address`
      : `${text} is outside of the net`;
  }
  const masked = (net.net & net.mask) >>> 0;
  if (masked !== net.net) {
    const meant = `${ipv4Text(masked)}${word.slice(word.indexOf("/"))}`;
    const isIn = inNet({ ...net, net: masked }, text) ? ` that ${text} is in` : "";
    return `bits beyond the mask are set, so it can match nothing: ${meant} would be the net${isIn}`;
  }
  return ipv4Value(text) === undefined
    ? `${text} is not an IPv4 address`
    : `${text} is outside of the net`;
}

function explainText(
  pattern: TextPattern,
  names: boolean,
  matched: boolean,
  host: Host,
  role: Role,
): string {
  if (pattern.kind === "ALL") return `every ${role}`;
  if (matched) {
    return matchesText(pattern, host.address)
      ? `the ${role}'s address is ${host.address}`
      : `the ${role}'s name is ${host.name}`;
  }
  if (pattern.kind === "ipv6" || !names) {
    const prefix = /^[0-9]+(\.[0-9]+){0,2}$/.test(pattern.text) &&
      matchesText({ kind: "prefix", text: `${pattern.text}.` }, host.address);
    return prefix
      ? `a prefix needs a dot at its end: ${pattern.text}.`
      : `the ${role}'s address is ${host.address}`;
  }
  return nameIs(host, role);
}

function nameIs(host: Host, role: Role): string {
  const { name = UNKNOWN } = host;
  if (typeof name === "object") return `the ${role}'s name cannot be looked up: ${name.unanswered}`;
  if (isKnownName(name)) return `the ${role}'s name is ${name}`;
  const what = isUnknown(name) ? "no known name" : "a contradictory name";
  return `the ${role} has ${what}`;
}

function nameText(host: Host, role: Role): string {
  return isKnownName(host.name) ? host.name : `the ${role} without a name`;
}

/** Whether a word of a client list can only be matched by a host's name. */
export function needsName(word: string): boolean {
  const { host } = parseClientPattern(word);
  if (host.kind === "text") {
    return host.names && host.text.kind !== "ALL" && host.text.kind !== "ipv6";
  }
  return host.kind === "netgroup" || host.kind === "LOCAL" || host.kind === "KNOWN";
}
