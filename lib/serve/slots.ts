import type { RefusalReason } from "./metrics.ts";
import { type ConnectionLimits, countConnections, type Exceeded } from "./connection_count.ts";

/**
 * How many clients are decided about at once where that takes time: their names are looked up, or
 * commands of rules run for them. As many as are admitted by default.
 */
const MOST_UNDECIDED = 2048;

/** How many refused connections are kept open for their first bytes at once, each up to a second. */
const MOST_REFUSED = 64;

/** There is no slot for a connection, which is to be reset. */
export class NoSlot extends Error {
  /**
   * @param limit What limits the number of slots.
   * @param message What the log says.
   */
  constructor(readonly limit: RefusalReason, message: string) {
    super(message);
  }
}

/** The slot of a connection: none at first, then one at a time, and none after it has left. */
export interface Slot {
  /**
   * Takes a slot of the undecided, unless it has one.
   * @throws {NoSlot}
   */
  readonly wait: () => void;
  /**
   * Changes to a slot of the admitted.
   * @throws {NoSlot}
   */
  readonly admit: () => void;
  /** Changes to a slot of the refused; false where there is none. */
  readonly refuse: () => boolean;
  readonly leave: () => void;
}

/** The slots of all connections. */
export interface Slots {
  /**
   * @param source The client's address.
   * @param limits How many connections may be admitted.
   */
  readonly arrive: (source: string, limits: ConnectionLimits) => Slot;
}

/**
 * Makes slots. Those of the admitted are counted apart from all others, so that no refused client
 * takes one away.
 *
 * @param files How many files may be open: undecided clients have at most an eighth of them, and so
 * have refused ones.
 */
export function makeSlots(files: number): Slots {
  const admitted = countConnections();
  const undecided = countConnections();
  let refused = 0;
  const share = Math.max(1, Math.floor(files / 8));
  const mostUndecided = Math.min(MOST_UNDECIDED, share);
  // Half of them for one source, so that it does not keep all others undecided.
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
          if (exceeded !== undefined) throw tooManyUndecided(exceeded, source, undecidedLimits);
          state = "undecided";
        },
        admit() {
          if (state === "gone") return;
          leave();
          const exceeded = admitted.enter(source, limits);
          if (exceeded !== undefined) throw tooManyAdmitted(exceeded, source, limits);
          state = "admitted";
        },
        refuse() {
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

function tooManyAdmitted(exceeded: Exceeded, source: string, limits: ConnectionLimits): NoSlot {
  const [limit, why] = exceeded === "total"
    ? ["max_connections", `${limits.total} connections are open`] as const
    : ["max_connections_per_source", `it has ${limits.perSource} connections open`] as const;
  return new NoSlot(limit, `Connection from ${source} refused: ${why}, see ${limit}`);
}

function tooManyUndecided(exceeded: Exceeded, source: string, limits: ConnectionLimits): NoSlot {
  const why = exceeded === "total"
    ? `${limits.total} clients are being decided about`
    : `${limits.perSource} of its connections are being decided about`;
  return new NoSlot("too_many_undecided", `Connection from ${source} refused: ${why}`);
}
