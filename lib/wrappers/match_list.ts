/**
 * Daemon lists and client lists: words, and what EXCEPT takes away from them.
 */
import { inNet, matchesText } from "./pattern.ts";
import {
  type HostPattern,
  parseClientPattern,
  parseDaemonPattern,
  parseHostPattern,
} from "./pattern.ts";
import {
  answerKey,
  equalIgnoringCase,
  type Fact,
  type Host,
  isKnownName,
  type Needs,
  needs,
  type Request,
  UNKNOWN,
} from "./request.ts";

/** What reading a file came to. */
export type FileRead =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "directory" }
  /** `reason` is the system's text for the error. */
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads a file whole, as a byte string. */
export type FileReader = (path: string) => FileRead;

/** Whether something matches, or what has to be known to say so. */
export type Match = boolean | Needs;

/** What a pattern is matched with. */
export interface Matching {
  readonly request: Request;
  readonly read: FileReader;
  /** Takes a complaint about the pattern; where it stands is the caller's knowledge. */
  readonly warn: (message: string) => void;
}

/** One pattern that was tried. */
export interface Trial {
  readonly pattern: string;
  readonly matched: boolean;
  /** How many EXCEPT stand before it. */
  readonly exceptions: number;
}

/**
 * Whether a list matches.
 *
 * The words up to the first EXCEPT are alternatives; one that matches counts unless the rest of the
 * list, read by the same rule, matches as well.
 *
 * @param trials Takes each pattern that was tried, where the caller wants to know.
 */
export function matchList(
  words: readonly string[],
  matches: (word: string) => Match,
  trials?: Trial[],
): Match {
  let exceptions = 0;
  let at = 0;
  for (;;) {
    let matched = false;
    while (at < words.length && !matched && !isExcept(words[at]!)) {
      const pattern = words[at++]!;
      const match = matches(pattern);
      if (typeof match === "object") return match;
      matched = match;
      trials?.push({ pattern, matched, exceptions });
    }
    // Each EXCEPT turns the meaning of what follows round: no match in the first, third ... part
    // is no match of the list; no match in the second, fourth ... part leaves it matched.
    if (!matched) return exceptions % 2 === 1;
    while (at < words.length && !isExcept(words[at]!)) at++;
    if (at === words.length) return exceptions % 2 === 0;
    at++;
    exceptions++;
  }
}

/** Whether a word is the operator EXCEPT. */
export function isExcept(word: string): boolean {
  return equalIgnoringCase(word, "EXCEPT");
}

/** Whether a word of a daemon list matches. */
export function matchDaemon(word: string, matching: Matching): Match {
  const { daemon, server } = parseDaemonPattern(word);
  const { request } = matching;
  const named = daemon.kind === "port"
    ? request.server.port === daemon.port
    : matchesText(daemon, request.daemon);
  return !named || server === undefined
    ? named
    : matchHost(server, request.server, "server name", matching);
}

/** Whether a word of a client list matches. */
export function matchClient(word: string, matching: Matching): Match {
  const { host, user } = parseClientPattern(word);
  const { request } = matching;
  const match = matchHost(host, request.client, "client name", matching);
  if (match !== true || user === undefined) return match;
  return request.user === undefined ? needs({ kind: "user" }) : matchesText(user, request.user);
}

type NameFact = Extract<Fact, { readonly kind: "client name" | "server name" }>["kind"];

/** Whether a host matches; `name` is the fact to ask for if its name is needed and not known. */
function matchHost(pattern: HostPattern, host: Host, name: NameFact, matching: Matching): Match {
  switch (pattern.kind) {
    case "netgroup": {
      if (host.name === undefined) return needs({ kind: name });
      const question = { kind: "netgroup", netgroup: pattern.netgroup, host: host.name } as const;
      return matching.request.answers.get(answerKey(question)) ?? needs(question);
    }
    case "file":
      return matchFile(pattern.path, host, name, matching, [], new Set());
    case "KNOWN":
      if (host.name === undefined) return needs({ kind: name });
      return !equalIgnoringCase(host.address, UNKNOWN) && isKnownName(host.name);
    case "LOCAL":
      if (host.name === undefined) return needs({ kind: name });
      return !host.name.includes(".") && isKnownName(host.name);
    case "net":
      if (pattern.net.kind === "bad" && !equalIgnoringCase(host.address, UNKNOWN)) {
        matching.warn(`bad net/mask expression: ${pattern.net.reason}`);
      }
      return inNet(pattern.net, host.address);
    case "text":
      if (matchesText(pattern.text, host.address)) return true;
      if (!pattern.names) return false;
      // No name is an address, so none needs to be looked up for this.
      if (pattern.text.kind === "ipv6") return false;
      if (host.name === undefined) return needs({ kind: name });
      return matchesText(pattern.text, host.name);
  }
}

/** How deep pattern files may name one another. */
const DEEPEST_FILE = 100;

/**
 * Whether a word of a pattern file, or of a file that it names, matches a host.
 *
 * @param open The files in which this one is named, outermost first.
 * @param seen All files that were searched for this pattern: none is searched twice, or files that
 * name others several times would take exponential time.
 */
function matchFile(
  path: string,
  host: Host,
  name: NameFact,
  matching: Matching,
  open: readonly string[],
  seen: Set<string>,
): Match {
  if (open.includes(path)) {
    matching.warn(`${path} names itself${open.length > 1 ? ` by way of ${open.at(-1)}` : ""}`);
    return false;
  }
  if (seen.has(path)) return false;
  seen.add(path);
  if (open.length >= DEEPEST_FILE) {
    matching.warn(`${path} is not read: files name one another more than ${DEEPEST_FILE} deep`);
    return false;
  }
  const file = matching.read(path);
  if (file.kind === "unreadable") matching.warn(`cannot open ${path}: ${file.reason}`);
  if (file.kind !== "text") return false;
  const inside = [...open, path];
  for (const word of file.text.matchAll(/[^ \t\n\v\f\r]+/g)) {
    // scanf(3) takes a NUL byte for a part of the word, and all else for its end.
    const pattern = parseHostPattern(word[0].split("\0", 1)[0]!);
    const match = pattern.kind === "file"
      ? matchFile(pattern.path, host, name, matching, inside, seen)
      : matchHost(pattern, host, name, matching);
    if (match !== false) return match;
  }
  return false;
}
