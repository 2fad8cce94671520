/**
 * The %-letters of hosts_options(5), and the characters that no expansion may carry into a shell.
 */
import {
  type Host,
  isKnownName,
  isUnknown,
  type Needs,
  needs,
  type Request,
  UNKNOWN,
} from "./request.ts";

/** An expanded text, and the letters that are not in the language. */
type Expansion =
  | { readonly kind: "text"; readonly text: string; readonly unknownLetters: string }
  | { readonly kind: "too long" };

/** The longest expansion, in bytes; tcp_wrappers gives up at one more. */
export const LONGEST_EXPANSION = 8190;

/**
 * Expands `%a %A %c %d %h %H %n %N %p %r %R %s %u %%` in the value of an option.
 *
 * `%n`, `%N`, `%u` and `%p` need their fact. The other letters show what was known when the expansion
 * began, and what a letter to their left has needed.
 *
 * @param request The facts known now.
 * @param before The facts known when the expansion began.
 */
export function expand(
  template: string,
  request: Request,
  before: Request = request,
): Expansion | Needs {
  let text = "";
  let unknownLetters = "";
  let shown = before;
  for (let at = 0; at < template.length;) {
    const percent = template.indexOf("%", at);
    if (percent < 0 || percent + 1 === template.length) {
      text += template.slice(at);
      break;
    }
    const letter = template[percent + 1]!;
    const asked = showMore(letter, shown, request);
    if ("kind" in asked) return asked;
    shown = asked;
    const value = letterValue(letter, shown);
    if (value === undefined) unknownLetters += letter;
    text += template.slice(at, percent) + harmless(value ?? "");
    at = percent + 2;
  }
  return text.length > LONGEST_EXPANSION
    ? { kind: "too long" }
    : { kind: "text", text, unknownLetters };
}

/** The request that is shown from a letter on, or the fact that the letter needs. */
function showMore(letter: string, shown: Request, { client, server, user, pid }: Request) {
  switch (letter) {
    case "n":
      return client.name === undefined ? needs({ kind: "client name" }) : { ...shown, client };
    case "N":
      return server.name === undefined ? needs({ kind: "server name" }) : { ...shown, server };
    case "u":
      return user === undefined ? needs({ kind: "user" }) : { ...shown, user };
    case "p":
      return pid === undefined ? needs({ kind: "process id" }) : { ...shown, pid };
    default:
      return shown;
  }
}

function letterValue(letter: string, request: Request): string | undefined {
  const { client, server } = request;
  switch (letter) {
    case "a":
      return client.address;
    case "A":
      return server.address;
    case "c":
      return userAtHost(request);
    case "d":
      return request.daemon;
    case "h":
      return nameOrAddress(client);
    case "H":
      return nameOrAddress(server);
    case "n":
      return expandedName(client);
    case "N":
      return expandedName(server);
    case "p":
      return String(request.pid);
    case "r":
      return String(client.port ?? 0);
    case "R":
      return String(server.port ?? 0);
    case "s":
      return daemonAtHost(request);
    case "u":
      return request.user;
    case "%":
      return "%";
    default:
      return undefined;
  }
}

/** `%n` and `%N`: a name that could not be looked up is unknown. */
function expandedName({ name }: Host): string | undefined {
  return typeof name === "object" ? UNKNOWN : name;
}

/** `%h` and `%H`: the name if it is known by now and not paranoid, else the address. */
export function nameOrAddress(host: Host): string {
  return isKnownName(host.name) ? host.name : host.address;
}

/** `%c`, also the client in log lines: user@host, or the host alone. */
export function userAtHost(request: Request): string {
  const host = nameOrAddress(request.client);
  const { user } = request;
  return user === undefined || isUnknown(user) ? host : `${user}@${host}`;
}

/** `%s`: daemon@host, or the daemon alone. */
function daemonAtHost(request: Request): string {
  const host = nameOrAddress(request.server);
  return isUnknown(host) ? request.daemon : `${request.daemon}@${host}`;
}

/** A text with `_` for every character that could be special to a shell. */
export function harmless(text: string): string {
  let harmless = "";
  for (let at = 0; at < text.length; at++) harmless += isHarmless(text[at]!) ? text[at] : "_";
  return harmless;
}

function isHarmless(char: string): boolean {
  return (char >= "a" && char <= "z") || (char >= "A" && char <= "Z") ||
    (char >= "0" && char <= "9") || "!@%-_=+:,./".includes(char);
}
