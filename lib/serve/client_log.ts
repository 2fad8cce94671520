import { LEVEL_MASK, type Log, Severity } from "../log.ts";

/** How long lines are counted together, in milliseconds. */
const INTERVAL = 10_000;
/** How many lines about one client, and about all, are logged in that time. */
const MOST_OF_CLIENT = 20;
const MOST = 500;
/** How many clients are told apart in that time, and how many of them are named at its end. */
const MOST_CLIENTS = 1024;
const MOST_NAMED = 10;

/** Logs what clients can cause as often as they like. */
export interface ClientLog {
  /**
   * A log for lines about a client: the first warnings and errors are logged, the others counted.
   * Lines of other levels, which the administrator has asked for, are always logged.
   */
  readonly about: (client: string) => Log;
  /** The same for lines about its refusals, which the tables can give any level. */
  readonly refusing: (client: string) => Log;
  /** Logs a warning about a client, the first one of a kind; others are counted. */
  readonly once: (client: string, kind: string, message: string) => void;
  /** Logs how many lines were left out so far. */
  readonly say: () => void;
}

/** Lines about a client. */
interface Lines {
  readonly client: string;
  logged: number;
  omitted: number;
  last: string;
}

/**
 * Makes a log that bounds what clients can have it write. What is left out within ten seconds is
 * counted, and the numbers are logged at their end.
 * @param later Calls a function after a time, in milliseconds.
 */
export function makeClientLog(
  log: Log,
  later: (act: () => void, time: number) => void,
): ClientLog {
  const known = new Map<string, Lines>();
  let logged = 0;
  /** Those about clients that are not told apart. */
  let others = 0;
  let counting = false;

  const say = () => {
    const omitted = [...known.values()].filter((lines) => lines.omitted > 0);
    omitted.sort((one, other) => other.omitted - one.omitted);
    const rest = omitted.splice(MOST_NAMED).reduce((sum, lines) => sum + lines.omitted, others);
    known.clear();
    logged = 0;
    others = 0;
    for (const { client, omitted: count, last } of omitted) {
      log(Severity.warning, `${linesAbout(count, client)}, the last one: ${last}`, { client });
    }
    if (rest > 0) log(Severity.warning, linesAbout(rest, "other clients"));
  };

  const count = () => {
    if (counting) return;
    counting = true;
    later(() => {
      counting = false;
      say();
    }, INTERVAL);
  };

  /** Whether one more line may be logged; counts it. */
  const mayLog = (key: string, client: string, most: number, message: string): boolean => {
    count();
    let lines = known.get(key);
    if (lines === undefined) {
      if (known.size >= MOST_CLIENTS) {
        others++;
        return false;
      }
      lines = { client, logged: 0, omitted: 0, last: "" };
      known.set(key, lines);
    }
    if (lines.logged >= most || logged >= MOST) {
      lines.omitted++;
      lines.last = message;
      return false;
    }
    lines.logged++;
    logged++;
    return true;
  };

  const limited =
    (client: string, isLimited: (level: number) => boolean): Log => (priority, message, facts) => {
      const mustFit = isLimited(priority & LEVEL_MASK);
      if (mustFit && !mayLog(client, client, MOST_OF_CLIENT, message)) return;
      log(priority, message, { client, ...facts });
    };

  return {
    about: (client) => limited(client, (level) => level <= Severity.warning),
    refusing: (client) => limited(client, () => true),
    once(client, kind, message) {
      if (!mayLog(`${client} ${kind}`, client, 1, message)) return;
      log(Severity.warning, message, { client });
    },
    say,
  };
}

function linesAbout(count: number, whom: string): string {
  const lines = count === 1 ? "1 more line" : `${count} more lines`;
  return `Warning: ${lines} about ${whom} within ten seconds`;
}
