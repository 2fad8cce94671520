/** Levels of syslog(3), by their names in access rules and syslog.conf(5). */
export const LEVELS = {
  emerg: 0,
  alert: 1,
  crit: 2,
  err: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
} as const;

/** The levels that the agent itself uses. */
export const Severity = {
  error: LEVELS.err,
  warning: LEVELS.warning,
  notice: LEVELS.notice,
  info: LEVELS.info,
  debug: LEVELS.debug,
} as const;

/** The part of a priority that is a level. */
export const LEVEL_MASK = 7;

/** Facilities of syslog(3), as numbers of <syslog.h>. */
export const FACILITIES = {
  kern: 0,
  user: 1 << 3,
  mail: 2 << 3,
  daemon: 3 << 3,
  auth: 4 << 3,
  syslog: 5 << 3,
  lpr: 6 << 3,
  news: 7 << 3,
  uucp: 8 << 3,
  cron: 9 << 3,
  authpriv: 10 << 3,
  ftp: 11 << 3,
  local0: 16 << 3,
  local1: 17 << 3,
  local2: 18 << 3,
  local3: 19 << 3,
  local4: 20 << 3,
  local5: 21 << 3,
  local6: 22 << 3,
  local7: 23 << 3,
} as const;

/** What a line says in single values, by their names. A log in JSON has them beside the message. */
export type Facts = Readonly<Record<string, string | number | null>>;

/** Logs a line. Callers need not make its text printable. */
export interface Log {
  /** @param priority A severity, plus a facility where it is not the log's own. */
  (priority: number, message: string, facts?: Facts): void;
}

/** A log for lines about a client, by the client's address. */
export function aboutClient(log: Log, client: string): Log {
  return (priority, message, facts) =>
    // The first use of a spread costs every check page faults.
    log(priority, message, facts === undefined ? { client } : { client, ...facts });
}

/** A line for the log. */
export interface LogLine {
  readonly severity: number;
  readonly message: string;
}

/** The longest log line, in bytes. */
const LONGEST_MESSAGE = 2048;

/**
 * A byte string as one line of printable ASCII. Any other byte becomes `?`, and a long line is
 * truncated and ends with `...`. So no client can forge a line or send escape sequences to a terminal.
 */
export function printable(text: string): string {
  const line = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE - 3)}...` : text;
  for (let at = 0; at < line.length; at++) {
    // The first use of a regular expression costs more than this loop.
    if (!isPrintable(line.charCodeAt(at))) return line.replace(/[^\x20-\x7e]/g, "?");
  }
  return line;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e;
}
