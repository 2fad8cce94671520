/**
 * Daemon names that no service of this host has.
 */
import { nearest } from "../../nearest.ts";
import { isExcept } from "../match_list.ts";
import { matchesText, parseDaemonPattern, type TextPattern } from "../pattern.ts";
import { about, type Piece, type ReportAt } from "./finding.ts";
import { isWildcard } from "./keyword.ts";
import { partsOf } from "./list.ts";

/**
 * Checks the names in a daemon list against those of this host's services.
 *
 * @param agent This agent's name.
 * @param services The names in small letters; called only if a name is not this agent's.
 * @param isNew Whether a name is the first of its kind in the table.
 */
export function lintDaemonNames(
  words: readonly Piece[],
  agent: string,
  services: () => ReadonlySet<string>,
  isNew: (name: string) => boolean,
  report: ReportAt,
): void {
  for (const word of words) {
    if (isExcept(word.text)) continue;
    const { daemon } = parseDaemonPattern(word.text);
    if (daemon.kind === "port" || !/^[\w.*?-]+$/.test(daemon.text)) continue;
    const name = daemon.text.toLowerCase();
    // lintKeyword() deals with wildcards and ANY.
    if (isWildcard(name) || name === "any" || !isNew(name)) continue;
    if (matchesText(daemon, agent) || isService(daemon, services())) continue;
    const meant = daemon.kind === "exact" ? similar(name, services()) : undefined;
    const say = about(partsOf(word).before, report);
    if (meant === undefined) say("unknown-daemon/other", { name: daemon.text });
    else say("unknown-daemon/meant", { name: daemon.text, meant });
  }
}

function isService(daemon: TextPattern, services: ReadonlySet<string>): boolean {
  if (daemon.kind === "exact") return services.has(daemon.text.toLowerCase());
  for (const service of services) if (matchesText(daemon, service)) return true;
  return false;
}

/** The service that is meant. There may be thousands: only similar ones are compared. */
function similar(name: string, services: ReadonlySet<string>): string | undefined {
  const candidates = [...services].filter((service) =>
    service[0] === name[0] && Math.abs(service.length - name.length) <= 2
  );
  return nearest(name, candidates);
}
