import { sourceOf } from "../source.ts";
import { type ConnectionLimits, countConnections, type Exceeded } from "./connection_count.ts";
import type { RefusalReason } from "./metrics.ts";

/**
 * How many clients are decided about at once where that takes time: their names are looked up, or
 * commands of rules run for them. As many as are admitted by default.
 */
const MOST_UNDECIDED = 2048;

/**
 * How many refused connections are kept open for their first bytes at once, each up to a second; half of
 * them for one source.
 */
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
  /** Whether the decision about the client has waited for something. */
  readonly hasWaited: () => boolean;
  /**
   * Takes a slot of the undecided, unless it has one.
   * @throws {NoSlot}
   */
  readonly wait: () => void;
  /**
   * Changes to a slot of the admitted.
   * @param makeRoom Called where all are taken, to have one left; false where none is.
   * @throws {NoSlot}
   */
  readonly admit: (makeRoom?: () => boolean) => void;
  /** Changes to a slot of the refused; false where there is none. */
  readonly refuse: () => boolean;
  readonly leave: () => void;
}

/** The slots of all connections. */
export interface Slots {
  /**
   * @param address The client's.
   * @param limits How many connections may be admitted.
   * @throws {NoSlot} for a source that has as many as one may have, before it costs more.
   */
  readonly arrive: (address: string, limits: ConnectionLimits) => Slot;
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
  const refused = countConnections();
  const share = Math.max(1, Math.floor(files / 8));
  // So that one source does not keep all others undecided.
  const undecidedLimits = halfForOne(Math.min(MOST_UNDECIDED, share));
  const refusedLimits = halfForOne(Math.min(MOST_REFUSED, share));

  return {
    arrive(address, limits) {
      const source = sourceOf(address);
      if (admitted.exceeded(source, limits) === "source") {
        throw tooManyAdmitted("source", address, limits);
      }
      let state: "new" | "undecided" | "admitted" | "refused" | "gone" = "new";
      let waited = false;
      const leave = () => {
        if (state === "undecided") undecided.leave(source);
        if (state === "admitted") admitted.leave(source);
        if (state === "refused") refused.leave(source);
        state = "gone";
      };
      return {
        hasWaited: () => waited,
        wait() {
          waited = true;
          if (state !== "new") return;
          const exceeded = undecided.enter(source, undecidedLimits);
          if (exceeded !== undefined) throw tooManyUndecided(exceeded, address, undecidedLimits);
          state = "undecided";
        },
        admit(makeRoom = () => false) {
          if (state === "gone") return;
          leave();
          let exceeded = admitted.enter(source, limits);
          if (exceeded === "total" && makeRoom()) exceeded = admitted.enter(source, limits);
          if (exceeded !== undefined) throw tooManyAdmitted(exceeded, address, limits);
          state = "admitted";
        },
        refuse() {
          if (state === "gone") return false;
          leave();
          if (refused.enter(source, refusedLimits) !== undefined) return false;
          state = "refused";
          return true;
        },
        leave,
      };
    },
  };
}

/** Limits that leave half of all for other sources. */
function halfForOne(total: number): ConnectionLimits {
  return { total, perSource: Math.max(1, Math.floor(total / 2)) };
}

function tooManyAdmitted(exceeded: Exceeded, address: string, limits: ConnectionLimits): NoSlot {
  const source = sourceOf(address);
  const who = source === address ? "it" : source;
  const [limit, why] = exceeded === "total"
    ? ["max_connections", `${limits.total} connections are open`] as const
    : ["max_connections_per_source", `${who} has ${limits.perSource} connections open`] as const;
  return new NoSlot(limit, `Connection from ${address} refused: ${why}, see ${limit}`);
}

function tooManyUndecided(exceeded: Exceeded, address: string, limits: ConnectionLimits): NoSlot {
  const source = sourceOf(address);
  const whose = source === address ? "its connections" : `the connections of ${source}`;
  const why = exceeded === "total"
    ? `${limits.total} clients are being decided about`
    : `${limits.perSource} of ${whose} are being decided about`;
  return new NoSlot("too_many_undecided", `Connection from ${address} refused: ${why}`);
}
