/**
 * Checks of daemon lists and client lists: each word by itself, and each EXCEPT.
 */
import { isExcept } from "../match_list.ts";
import { delimiterAt, parseDaemonPattern } from "../pattern.ts";
import { listWords } from "../table.ts";
import { oddCharacter } from "./character.ts";
import { about, type Piece, problem, type Report, type ReportAt } from "./finding.ts";
import { lintHost } from "./host.ts";
import { lintKeyword } from "./keyword.ts";

/** The words of a list that begins at an offset of the line. */
export function piecesOf(list: string, start: number): Piece[] {
  let from = 0;
  return listWords(list).map((text) => {
    const at = list.indexOf(text, from);
    from = at + text.length;
    return { text, at: start + at };
  });
}

/** The parts of a word before and after its `@`; `after` is undefined where it has none. */
export function partsOf({ text, at }: Piece): {
  readonly before: Piece;
  readonly after: Piece | undefined;
} {
  // From the second character on: an @ at the start belongs to the word.
  const divider = delimiterAt(text, "@", 1);
  if (divider < 0) return { before: { text, at }, after: undefined };
  return {
    before: { text: text.slice(0, divider), at },
    after: { text: text.slice(divider + 1), at: at + divider + 1 },
  };
}

/** Checks the words of a daemon list. */
export function lintDaemons(words: readonly Piece[], report: ReportAt): void {
  for (const word of words) {
    if (isExcept(word.text)) continue;
    const { before: name, after: server } = partsOf(word);
    lintDaemonName(name.text, about(name, report));
    if (server !== undefined) lintHost(server.text, false, about(server, report));
  }
}

function lintDaemonName(name: string, report: Report): void {
  if (name.startsWith("/")) {
    return report("path-as-daemon", { name: name.slice(name.lastIndexOf("/") + 1) || "the name" });
  }
  if (name.startsWith("@")) return report("netgroup-as-daemon");
  const odd = /[[\]]/.test(name) ? "bad-brackets/daemon" : oddCharacter(name);
  if (odd !== undefined) return report(odd);
  const { daemon } = parseDaemonPattern(name);
  if (daemon.kind === "exact") lintKeyword(name, "daemon", report);
  if (daemon.kind === "port" && !(daemon.port > 0 && daemon.port <= 65535)) {
    report("bad-port", { port: daemon.port });
  }
}

/**
 * Checks the words of a client list.
 *
 * @param refuses Whether the rule denies; after an EXCEPT it is the other way round.
 */
export function lintClients(words: readonly Piece[], refuses: boolean, report: ReportAt): void {
  let refused = refuses;
  for (const word of words) {
    if (isExcept(word.text)) {
      refused = !refused;
      continue;
    }
    const { before, after: host } = partsOf(word);
    if (host === undefined) {
      lintHost(word.text, refused, about(word, report));
      continue;
    }
    lintUser(before.text, about(before, report));
    if (before.text.startsWith("/")) continue;
    if (delimiterAt(host.text, "@", 1) < 0) lintHost(host.text, refused, about(host, report));
    else report(problem("two-ats"), host.at, host.text.length);
  }
}

function lintUser(user: string, report: Report): void {
  if (user.startsWith("/")) return report("at-in-path");
  if (/^[@[]/.test(user)) return report("bad-user", { user });
  const odd = oddCharacter(user);
  if (odd === undefined) lintKeyword(user, "user", report);
  else report(odd);
}

/** Checks each EXCEPT of a list. */
export function lintExcept(words: readonly Piece[], report: ReportAt): void {
  words.forEach((word, index) => {
    if (!isExcept(word.text)) return;
    const before = words[index - 1];
    if (before === undefined) about(word, report)("except-at-start");
    else if (isExcept(before.text)) about(word, report)("except-twice");
    else if (index === words.length - 1) about(word, report)("except-at-end");
  });
}
