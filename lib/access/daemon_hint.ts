/** The hint that the access tables have no rule for the service, though they have rules. */
import { nearest } from "../nearest.ts";
import { now } from "../system/libc.ts";
import { type FileReader, isExcept, matchDaemon } from "../wrappers/match_list.ts";
import type { Request } from "../wrappers/request.ts";
import { lineAt, listWords, parseRule, TABLE_START } from "../wrappers/table.ts";

/** How many rules of a table are read. */
const MOST_RULES = 1000;
/** How many other daemons a hint names. */
const MOST_NAMED = 5;
/** How often a process looks for the hint at most, in milliseconds. */
const INTERVAL = 10_000;

let next = -Infinity;
let said: string | undefined;

/**
 * What the daemon lists of some tables name instead of the service; a process says the same only once.
 * @returns undefined where a list is for the service, where no table has a rule, or in long tables.
 */
export function daemonHint(
  paths: readonly string[],
  read: FileReader,
  request: Request,
): string | undefined {
  const time = now();
  if (time < next) return undefined;
  next = time + INTERVAL;
  const hint = hintOf(paths, read, request);
  if (hint === said) return undefined;
  said = hint;
  return hint;
}

function hintOf(
  paths: readonly string[],
  read: FileReader,
  request: Request,
): string | undefined {
  const named = new Set<string>();
  for (const path of paths) {
    const file = read(path);
    const others = file.kind === "text" ? namedInstead(file.text, read, request) : [];
    if (others === undefined) return undefined;
    for (const name of others) named.add(name);
  }
  if (named.size === 0) return undefined;
  const { daemon } = request;
  const names = [...named];
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} others` : "";
  const close = nearest(daemon, names.map((name) => name.toLowerCase()));
  const guess = close === undefined ? "" : `: is ${close} meant to be ${daemon}?`;
  return `hint: no rule of ${paths.join(" or ")} is for the daemon ${daemon}, only for ${
    names.slice(0, MOST_NAMED).join(", ")
  }${more}${guess}`;
}

/** The daemons that a table names; undefined where a word may stand for the service. */
function namedInstead(
  text: string,
  read: FileReader,
  request: Request,
): readonly string[] | undefined {
  const names: string[] = [];
  const matching = { request, read, warn: () => {} };
  let place = TABLE_START;
  for (let count = 0; count < MOST_RULES; count++) {
    const line = lineAt(text, place);
    if (line.kind !== "line") return names;
    place = line.next;
    const rule = parseRule(line.text);
    if (rule.kind !== "rule") continue;
    for (const word of listWords(rule.daemons)) {
      if (isExcept(word)) continue;
      const name = withoutServer(word);
      if (matchDaemon(name, matching) === true) return undefined;
      names.push(name);
    }
  }
  return undefined;
}

/** A word of a daemon list without what follows its @. */
function withoutServer(word: string): string {
  const at = word.indexOf("@", 1);
  return at < 0 ? word : word.slice(0, at);
}
