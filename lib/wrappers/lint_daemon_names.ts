/**
 * Daemon names that nothing on this host goes by.
 */
import { nearest } from "../nearest.ts";
import { complaint, type Piece, type Report } from "./lint_finding.ts";
import { isExcept } from "./match_list.ts";
import { matchesText, parseDaemonPattern, type TextPattern } from "./pattern.ts";
import { delimiterAt } from "./pattern.ts";

/**
 * Checks the names of a daemon list against those of this host's services.
 *
 * @param services The names in small letters; called when a name is not this agent's.
 * @param isNew Whether a name comes up for the first time.
 * @param agent This agent's name.
 */
export function lintDaemonNames(
  words: readonly Piece[],
  services: () => ReadonlySet<string>,
  isNew: (name: string) => boolean,
  agent: string,
  report: Report,
): void {
  for (const { text, at } of words) {
    if (isExcept(text)) continue;
    const { daemon } = parseDaemonPattern(text);
    if (daemon.kind === "port" || !/^[\w.*?-]+$/.test(daemon.text)) continue;
    const name = daemon.text.toLowerCase();
    if (RESERVED.includes(name) || !isNew(name)) continue;
    if (matchesText(daemon, agent)) continue;
    if (isKnown(daemon, services())) continue;
    const divider = delimiterAt(text, "@", 1);
    report(
      complaint(
        "hint",
        "unknown-daemon",
        `no service of this host is called ${daemon.text}`,
        suggestionFor(daemon, services()),
      ),
      at,
      divider < 0 ? text.length : divider,
    );
  }
}

/** Words that other checks know. */
const RESERVED: readonly string[] = ["all", "known", "unknown", "local", "paranoid", "any"];

function isKnown(daemon: TextPattern, services: ReadonlySet<string>): boolean {
  if (daemon.kind === "exact") return services.has(daemon.text.toLowerCase());
  for (const service of services) if (matchesText(daemon, service)) return true;
  return false;
}

function suggestionFor(daemon: TextPattern, services: ReadonlySet<string>): string {
  const near = daemon.kind === "exact" ? candidates(daemon.text, services) : [];
  const name = nearest(daemon.text, near);
  return name === undefined
    ? "a daemon goes by the name that its program is started with (argv[0])"
    : `is ${name} meant?`;
}

/** The names that are about as long and begin alike: there may be thousands of either. */
function candidates(name: string, services: ReadonlySet<string>): readonly string[] {
  const begin = name[0]!.toLowerCase();
  return [...services].filter((service) =>
    service[0] === begin && Math.abs(service.length - name.length) <= 2
  );
}
