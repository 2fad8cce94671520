/**
 * Which clients the rules that do not simply grant may match, by the daemon.
 */
import type { AddressRange, ClientScope } from "./client_scope.ts";

/** Rules that may keep a client out. */
export interface Denials {
  /**
   * Adds a rule. `daemon` is undefined for one that may be about any daemon, `clients` for one that
   * may be about any client.
   */
  readonly add: (daemon: string | undefined, clients: readonly ClientScope[] | undefined) => void;
  /** Whether there is a rule for a daemon, or for any where it is undefined. */
  readonly concern: (daemon: string | undefined) => boolean;
  /**
   * Makes the question whether one of the rules for a daemon, or for any, may match one of some
   * clients. All rules must have been added.
   */
  readonly reaching: (daemon: string | undefined) => (clients: readonly ClientScope[]) => boolean;
}

/** The clients of one daemon. */
interface DeniedClients {
  /** Whether they cannot be told, since a word is not a range of addresses. */
  unbounded: boolean;
  /** Ranges by their first and last address, sorted and apart from each other when asked about. */
  readonly ranges: Partial<Record<4 | 6, Interval[]>>;
  isSorted: boolean;
}

/** The first and the last address: numbers for IPv4, bigints for IPv6, never mixed. */
interface Interval {
  readonly first: number | bigint;
  readonly last: number | bigint;
}

/** Begins with no rules. */
export function makeDenials(): Denials {
  const byDaemon = new Map<string | undefined, DeniedClients>();
  const about = (daemon: string | undefined): readonly DeniedClients[] =>
    daemon === undefined
      ? [...byDaemon.values()]
      : [daemon, undefined].flatMap((name) => byDaemon.get(name) ?? []);
  return {
    add(daemon, clients) {
      const denied = byDaemon.get(daemon) ??
        { unbounded: false, ranges: {}, isSorted: false };
      byDaemon.set(daemon, denied);
      if (clients === undefined) denied.unbounded = true;
      else {
        for (const client of clients) {
          if (typeof client === "string") denied.unbounded = true;
          else (denied.ranges[client.family] ??= []).push(intervalOf(client));
        }
      }
    },
    concern: (daemon) => about(daemon).length > 0,
    reaching(daemon) {
      const rules = about(daemon);
      if (rules.length === 0) return () => false;
      if (rules.some(({ unbounded }) => unbounded)) return () => true;
      return (clients) =>
        clients.some((client) =>
          typeof client === "string" || rules.some((denied) => overlaps(denied, client))
        );
    },
  };
}

function intervalOf({ family, length, bits }: AddressRange): Interval {
  if (typeof bits === "number") {
    const size = 2 ** (32 - length);
    return { first: bits * size, last: (bits + 1) * size - 1 };
  }
  const shift = BigInt((family === 4 ? 32 : 128) - length);
  return { first: bits << shift, last: ((bits + 1n) << shift) - 1n };
}

function overlaps(denied: DeniedClients, client: AddressRange): boolean {
  if (!denied.isSorted) {
    denied.isSorted = true;
    for (const ranges of Object.values(denied.ranges)) {
      const merged = mergeSorted(ranges.sort((a, b) => a.first < b.first ? -1 : 1));
      ranges.splice(0, ranges.length);
      for (const range of merged) ranges.push(range);
    }
  }
  const ranges = denied.ranges[client.family] ?? [];
  const { first, last } = intervalOf(client);
  // The first range that ends at or after the client's first address.
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.last < first) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.first <= last;
}

/** Nets either contain each other or are apart, so those inside another are left out. */
function mergeSorted(ranges: readonly Interval[]): Interval[] {
  const apart: Interval[] = [];
  for (const range of ranges) {
    const last = apart.at(-1);
    if (last === undefined || range.first > last.last) apart.push(range);
    else if (range.last > last.last) apart[apart.length - 1] = { ...range, first: last.first };
  }
  return apart;
}
