/**
 * Daemon lists and client lists: words, and what EXCEPT takes away from them.
 */
import {
  type HostPattern,
  inNet,
  matchesText,
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
  isUnknown,
  type Needs,
  needs,
  type Request,
  type Unanswered,
} from "./request.ts";
import type { LineSkipper } from "./skip_lines.ts";

/** The result of reading a file. */
export type FileRead =
  | {
    readonly kind: "text";
    readonly text: string;
    /** Makes the skipper for a request, where that is faster than a search of the text. */
    readonly skipper?: (request: Request) => LineSkipper;
  }
  | { readonly kind: "missing" }
  | { readonly kind: "directory" }
  /**
   * `reason` is the system's text for the error. `unreadable`: this host's files are so, and tcp_wrappers
   * has a rule for it. `failed`: the system could not do it now, so what the file holds is not known.
   */
  | { readonly kind: "unreadable" | "failed"; readonly reason: string };

/** Reads a file whole, as a byte string. */
export type FileReader = (path: string) => FileRead;

/**
 * Whether something matches, or the fact that this depends on. `undecided` depends on a question
 * without an answer, or on a file that could not be read.
 */
type Match = boolean | "undecided" | Needs;

/** What a pattern is matched with. */
export interface Matching {
  readonly request: Request;
  readonly read: FileReader;
  /** Takes a warning about the pattern; the caller knows the place. */
  readonly warn: (message: string) => void;
}

/** One pattern that was tried. */
export interface PatternTrial {
  readonly pattern: string;
  readonly matched: boolean;
  /** The number of EXCEPT before it. */
  readonly exceptions: number;
}

/**
 * Whether a list matches: whether one of the words before the first EXCEPT does, and the list after
 * it does not. A word that is undecided leaves the list undecided unless another word decides it.
 *
 * @param trials Takes each pattern that was tried.
 */
export function matchList(
  words: readonly string[],
  matches: (word: string) => Match,
  trials?: PatternTrial[],
): Match {
  return matchPart(words, 0, 0, matches, trials);
}

/** Whether the list from a word on matches, which `exceptions` EXCEPT precede. */
function matchPart(
  words: readonly string[],
  start: number,
  exceptions: number,
  matches: (word: string) => Match,
  trials: PatternTrial[] | undefined,
): Match {
  let part: boolean | "undecided" = false;
  let at = start;
  while (at < words.length && part !== true && !isExcept(words[at]!)) {
    const pattern = words[at++]!;
    const match = matches(pattern);
    if (typeof match === "object") return match;
    if (match !== false) part = match;
    trials?.push({ pattern, matched: match === true, exceptions });
  }
  if (part === false) return false;
  while (at < words.length && !isExcept(words[at]!)) at++;
  if (at === words.length) return part;
  const rest = matchPart(words, at + 1, exceptions + 1, matches, trials);
  if (typeof rest === "object") return rest;
  if (rest === true) return false;
  return rest === false ? part : "undecided";
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

/** The result for a pattern that needs a name where there is none. */
function nameless(name: Unanswered | undefined, fact: NameFact): Match {
  return name === undefined ? needs({ kind: fact }) : "undecided";
}

/** Whether a host matches; `fact` is needed where its name is not known. */
function matchHost(pattern: HostPattern, host: Host, fact: NameFact, matching: Matching): Match {
  const { name } = host;
  switch (pattern.kind) {
    case "netgroup": {
      if (typeof name !== "string") return nameless(name, fact);
      const question = { kind: "netgroup", netgroup: pattern.netgroup, host: name } as const;
      const answer = matching.request.answers.get(answerKey(question)) ?? needs(question);
      return typeof answer === "object" && "unanswered" in answer ? "undecided" : answer;
    }
    case "file":
      return matchFile(pattern.path, host, fact, matching, [], new Set());
    case "KNOWN":
      if (typeof name !== "string") return nameless(name, fact);
      return !isUnknown(host.address) && isKnownName(name);
    case "LOCAL":
      if (typeof name !== "string") return nameless(name, fact);
      return !name.includes(".") && isKnownName(name);
    case "net":
      if (pattern.net.kind === "bad" && !isUnknown(host.address)) {
        matching.warn(`bad net/mask expression: ${pattern.net.reason}`);
      }
      return inNet(pattern.net, host.address);
    case "text":
      if (matchesText(pattern.text, host.address)) return true;
      if (!pattern.names) return false;
      // No name is an address, so none is looked up.
      if (pattern.text.kind === "ipv6") return false;
      if (typeof name !== "string") return nameless(name, fact);
      return matchesText(pattern.text, name);
  }
}

/** How deep pattern files may name each other. */
const DEEPEST_FILE = 100;

/**
 * Whether a word of a pattern file, or of a file that it names, matches a host.
 *
 * @param open The files that lead to this one, outermost first.
 * @param seen The files that were searched for this pattern. None is searched twice: files that name
 * others several times would take exponential time.
 */
function matchFile(
  path: string,
  host: Host,
  fact: NameFact,
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
  if (file.kind === "unreadable" || file.kind === "failed") {
    matching.warn(`cannot open ${path}: ${file.reason}`);
    if (file.kind === "failed") return "undecided";
  }
  if (file.kind !== "text") return false;
  const inside = [...open, path];
  let undecided = false;
  for (const word of file.text.matchAll(/[^ \t\n\v\f\r]+/g)) {
    // For scanf(3) a NUL byte is part of the word, which then ends there as a string.
    const pattern = parseHostPattern(word[0].split("\0", 1)[0]!);
    const match = pattern.kind === "file"
      ? matchFile(pattern.path, host, fact, matching, inside, seen)
      : matchHost(pattern, host, fact, matching);
    if (match === "undecided") undecided = true;
    else if (match !== false) return match;
  }
  return undecided ? "undecided" : false;
}
