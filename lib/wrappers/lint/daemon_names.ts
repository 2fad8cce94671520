/**
 * Daemon names that no service of this host has.
 */
import { nearest } from "../../nearest.ts";
import { isExcept } from "../match_list.ts";
import { matchesText, parseDaemonPattern, type TextPattern } from "../pattern.ts";
import { about, type Piece, type ReportAt } from "./finding.ts";
import { isWildcard } from "./keyword.ts";
import { DAEMON_NAMES, differAtEnd, isDaemonName } from "./known_daemons.ts";
import { partsOf } from "./list.ts";
import { isPlaceholder } from "./placeholder.ts";

/** What the names in a daemon list are compared with. */
interface KnownNames {
  /** This agent's name. */
  readonly agent: string;
  /** The names of this host's services and programs, in small letters; asked for when needed. */
  readonly services: () => ReadonlySet<string>;
  /** Whether a name is the first of its kind in the table. */
  readonly isNew: (name: string) => boolean;
  /** Whether a name may be compared with all others, which takes time. */
  readonly mayCompare: () => boolean;
}

/** Checks the names in a daemon list. A well-known daemon need not be a service of this host. */
export function lintDaemonNames(
  words: readonly Piece[],
  { agent, services, isNew, mayCompare }: KnownNames,
  report: ReportAt,
): void {
  for (const word of words) {
    if (isExcept(word.text) || isPlaceholder(word.text)) continue;
    const { daemon } = parseDaemonPattern(word.text);
    if (daemon.kind === "port" || !/^[\w.*?-]+$/.test(daemon.text)) continue;
    const name = daemon.text.toLowerCase();
    // lintKeyword() deals with wildcards and ANY.
    if (isWildcard(name) || name === "any" || !isNew(name)) continue;
    if (matchesText(daemon, agent) || isKnown(daemon, services())) continue;
    const meant = daemon.kind === "exact" && mayCompare()
      ? similar(name, agent.toLowerCase(), services())
      : undefined;
    const say = about(partsOf(word).before, report);
    if (meant === undefined) say("unknown-daemon/other", { name: daemon.text });
    else say("unknown-daemon/meant", { name: daemon.text, meant });
  }
}

function isKnown(daemon: TextPattern, services: ReadonlySet<string>): boolean {
  if (daemon.kind === "exact") return isDaemonName(daemon.text.toLowerCase(), services);
  for (const name of [...services, ...DAEMON_NAMES]) {
    if (matchesText(daemon, name) || matchesText(daemon, `in.${name}`)) return true;
  }
  return false;
}

/**
 * The daemon that is meant: this agent, a well-known one, or a name of this host that is a daemon's.
 * One that a last `d` or number alone tells apart is another name of it, not the one meant.
 */
function similar(name: string, agent: string, services: ReadonlySet<string>): string | undefined {
  const daemons = [...services].filter((service) => /^(in|rpc)\.|d$/.test(service));
  const candidates = [agent, ...DAEMON_NAMES, ...daemons].filter((daemon) =>
    daemon[0] === name[0] && Math.abs(daemon.length - name.length) <= 2
  );
  const meant = nearest(name, candidates);
  return meant === undefined || differAtEnd(name, meant) ? undefined : meant;
}
