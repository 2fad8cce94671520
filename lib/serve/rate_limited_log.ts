import { type Facts, type Log, Severity } from "../log.ts";

/** How often a line of one kind is written at most, in milliseconds. */
const INTERVAL = 10_000;

/** Logs what clients can cause as often as they like. */
export interface RateLimitedLog {
  (kind: string, message: string, facts?: Facts): void;
}

/**
 * Makes a log that writes one line of each kind in ten seconds; the next one says how many were left
 * out.
 * @param clock In milliseconds.
 */
export function rateLimitedLog(log: Log, clock: () => number): RateLimitedLog {
  const kinds = new Map<string, { until: number; omitted: number }>();
  return (kind, message, facts) => {
    const last = kinds.get(kind);
    if (last !== undefined && clock() < last.until) {
      last.omitted++;
      return;
    }
    const omitted = last?.omitted ?? 0;
    const more = omitted === 0
      ? ""
      : ` (and ${omitted} more of this kind since the last such line)`;
    log(Severity.warning, message + more, facts);
    kinds.set(kind, { until: clock() + INTERVAL, omitted: 0 });
  };
}
