/** How many connections may be open; 0 stands for any number. */
export interface ConnectionLimits {
  readonly total: number;
  readonly perSource: number;
}

/** The limit that one more connection would exceed. */
export type Exceeded = "total" | "source";

/** The open connections, counted by where they come from. */
export interface ConnectionCount {
  /** The limit that one more would exceed. */
  readonly exceeded: (source: string, limits: ConnectionLimits) => Exceeded | undefined;
  /** Counts one more, unless that exceeds a limit. */
  readonly enter: (source: string, limits: ConnectionLimits) => Exceeded | undefined;
  readonly leave: (source: string) => void;
}

/** Makes an empty count. */
export function countConnections(): ConnectionCount {
  const sources = new Map<string, number>();
  let total = 0;
  const exceeded = (source: string, limits: ConnectionLimits): Exceeded | undefined => {
    if (limits.perSource > 0 && (sources.get(source) ?? 0) >= limits.perSource) return "source";
    return limits.total > 0 && total >= limits.total ? "total" : undefined;
  };
  return {
    exceeded,
    enter(source, limits) {
      const limit = exceeded(source, limits);
      if (limit !== undefined) return limit;
      sources.set(source, (sources.get(source) ?? 0) + 1);
      total++;
      return undefined;
    },
    leave(source) {
      const own = sources.get(source) ?? 0;
      if (own > 1) sources.set(source, own - 1);
      else sources.delete(source);
      total--;
    },
  };
}
