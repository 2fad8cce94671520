import { type ConnectionLimits, countConnections, type Exceeded } from "./connection_count.ts";

/**
 * How many clients are decided about at once where that takes time: their names are looked up, or
 * commands of rules run for them. As many as are admitted by default.
 */
const MOST_UNDECIDED = 2048;

/** How many refused clients are heard out at once, each for up to a second. */
const MOST_REFUSED = 64;

/** A connection for which there is no place; it is to be reset. */
export class NoPlace extends Error {
  /**
   * @param kind What kind of place there is none of, for a log that counts.
   * @param message What the log says.
   */
  constructor(readonly kind: string, message: string) {
    super(message);
  }
}

/** The place of a connection: none at first. It has one at a time, and none any more once it has left. */
export interface Place {
  /**
   * Takes a place among those that are decided about, if it has none there.
   * @throws {NoPlace}
   */
  readonly wait: () => void;
  /**
   * Changes to a place among those that are admitted.
   * @throws {NoPlace}
   */
  readonly admit: () => void;
  /** Changes to a place among those that are refused; false where there is none. */
  readonly hearOut: () => boolean;
  readonly leave: () => void;
}

/** The places of all connections. */
export interface Places {
  /**
   * @param source The client's address.
   * @param limits How many connections may be admitted.
   */
  readonly arrive: (source: string, limits: ConnectionLimits) => Place;
}

/**
 * Makes places. Those of the admitted are counted apart from all others, so that nobody whom the rules
 * refuse takes one away.
 *
 * @param files How many files may be open: an eighth of them at most is for clients that are decided
 * about, and one for those that are refused.
 */
export function makePlaces(files: number): Places {
  const admitted = countConnections();
  const undecided = countConnections();
  let refused = 0;
  const share = Math.max(1, Math.floor(files / 8));
  const mostUndecided = Math.min(MOST_UNDECIDED, share);
  // Half of them for one source, so that it cannot keep all others from being decided about.
  const undecidedLimits = {
    total: mostUndecided,
    perSource: Math.max(1, Math.floor(mostUndecided / 2)),
  };
  const mostRefused = Math.min(MOST_REFUSED, share);

  return {
    arrive(source, limits) {
      let state: "new" | "undecided" | "admitted" | "refused" | "gone" = "new";
      const leave = () => {
        if (state === "undecided") undecided.leave(source);
        if (state === "admitted") admitted.leave(source);
        if (state === "refused") refused--;
        state = "gone";
      };
      return {
        wait() {
          if (state !== "new") return;
          const exceeded = undecided.enter(source, undecidedLimits);
          if (exceeded !== undefined) throw crowded(exceeded, source, undecidedLimits);
          state = "undecided";
        },
        admit() {
          if (state === "gone") return;
          leave();
          const exceeded = admitted.enter(source, limits);
          if (exceeded !== undefined) throw full(exceeded, source, limits);
          state = "admitted";
        },
        hearOut() {
          if (state === "gone") return false;
          leave();
          if (refused >= mostRefused) return false;
          refused++;
          state = "refused";
          return true;
        },
        leave,
      };
    },
  };
}

function full(exceeded: Exceeded, source: string, limits: ConnectionLimits): NoPlace {
  const why = exceeded === "total"
    ? `${limits.total} connections are open, see max_connections`
    : `it has ${limits.perSource} connections open, see max_connections_per_source`;
  return new NoPlace(exceeded, `Connection from ${source} refused: ${why}`);
}

function crowded(exceeded: Exceeded, source: string, limits: ConnectionLimits): NoPlace {
  const why = exceeded === "total"
    ? `${limits.total} clients are being decided about`
    : `${limits.perSource} of its connections are being decided about`;
  return new NoPlace(`undecided ${exceeded}`, `Connection from ${source} refused: ${why}`);
}
