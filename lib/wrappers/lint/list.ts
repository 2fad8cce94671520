/**
 * Checks of daemon lists and client lists: each word by itself, and the EXCEPT between them.
 */
import { oddCharacter } from "./character.ts";
import { type Complaint, complaint, type Piece, type Report } from "./finding.ts";
import { lintHost } from "./host.ts";
import { lintKeyword } from "./keyword.ts";
import { isExcept } from "../match_list.ts";
import { delimiterAt, parseDaemonPattern } from "../pattern.ts";
import { wordsOf } from "../table.ts";

/** The words of a list that begins at an offset of the line. */
export function piecesOf(list: string, start: number): Piece[] {
  let from = 0;
  return wordsOf(list).map((text) => {
    const at = list.indexOf(text, from);
    from = at + text.length;
    return { text, at: start + at };
  });
}

/** Checks the words of a daemon list. */
export function lintDaemons(words: readonly Piece[], report: Report): void {
  lintExcept(words, report);
  for (const { text, at } of words) {
    if (isExcept(text)) continue;
    const divider = delimiterAt(text, "@", 1);
    const name = divider < 0 ? text : text.slice(0, divider);
    for (const found of lintDaemonName(name)) report(found, at, name.length);
    if (divider < 0) continue;
    const host = text.slice(divider + 1);
    for (const found of lintHost(host)) report(found, at + divider + 1, host.length);
  }
}

function lintDaemonName(name: string): readonly Complaint[] {
  if (name.startsWith("/")) {
    return [complaint(
      "error",
      "path-as-daemon",
      "a daemon goes by its name alone, so this matches none",
      `write ${name.slice(name.lastIndexOf("/") + 1) || "the name"}`,
    )];
  }
  if (name.startsWith("@")) {
    return [complaint(
      "error",
      "netgroup-as-daemon",
      "a netgroup holds hosts and users, so this matches no daemon",
      "write netgroups behind the first colon",
    )];
  }
  const odd = /[[\]]/.test(name) ? BRACKETED_DAEMON : oddCharacter(name);
  if (odd !== undefined) return [odd];
  const { daemon } = parseDaemonPattern(name);
  if (daemon.kind === "port") {
    return daemon.port > 0 && daemon.port <= 65535 ? [] : [complaint(
      "error",
      "bad-port",
      `a number in a daemon list is a port of this host, and there is no port ${daemon.port}`,
    )];
  }
  return daemon.kind === "exact" ? lintKeyword(name, "daemon") : [];
}

const BRACKETED_DAEMON = complaint(
  "error",
  "bad-brackets",
  "brackets are part of the daemon's name here, so this matches none",
  "leave the brackets out",
);

/** Checks the words of a client list. */
export function lintClients(words: readonly Piece[], report: Report): void {
  lintExcept(words, report);
  for (const { text, at } of words) {
    if (isExcept(text)) continue;
    const divider = delimiterAt(text, "@", 1);
    if (divider < 0) {
      for (const found of lintHost(text)) report(found, at, text.length);
      continue;
    }
    const user = text.slice(0, divider);
    const host = text.slice(divider + 1);
    for (const found of lintUser(user)) report(found, at, user.length);
    if (user.startsWith("/")) continue;
    for (const found of lintUserHost(host)) report(found, at + divider + 1, host.length);
  }
}

function lintUser(user: string): readonly Complaint[] {
  if (user.startsWith("/")) {
    return [complaint(
      "error",
      "at-in-path",
      "the @ divides this path into user and host, so this names no file",
      "give the file a name without @",
    )];
  }
  if (user.startsWith("@") || user.startsWith("[")) {
    return [complaint(
      "error",
      "bad-user",
      `${user} is compared with the user's name as it stands, so this matches nobody`,
    )];
  }
  const odd = oddCharacter(user);
  return odd === undefined ? lintKeyword(user, "user") : [odd];
}

function lintUserHost(host: string): readonly Complaint[] {
  return delimiterAt(host, "@", 1) < 0 ? lintHost(host) : [complaint(
    "error",
    "two-ats",
    "the first @ divides user and host, and no host has an @ in its name; this matches nobody",
  )];
}

function lintExcept(words: readonly Piece[], report: Report): void {
  words.forEach(({ text, at }, index) => {
    if (!isExcept(text)) return;
    const before = words[index - 1];
    const found = before === undefined
      ? complaint(
        "error",
        "except-at-start",
        "nothing stands before EXCEPT, so the list matches nothing",
        "write ALL before it",
      )
      : isExcept(before.text)
      ? complaint(
        "error",
        "except-twice",
        "nothing stands between the two EXCEPT, so nothing is excepted",
        "take one of them away",
      )
      : index === words.length - 1
      ? complaint(
        "error",
        "except-at-end",
        "nothing stands behind EXCEPT, so nothing is excepted",
        "name what is to be excepted, or take EXCEPT away",
      )
      : undefined;
    if (found !== undefined) report(found, at, text.length);
  });
}
