import { fairQueue } from "../command/fair_queue.ts";
import { now } from "../system/libc.ts";
import { callAt, type Timer } from "../system/timer.ts";

/** How many handshakes are under way at once, where others wait. */
const AT_ONCE = 128;
/**
 * How long a handshake counts as under way, in milliseconds. One that takes longer waits for its client,
 * and costs nothing meanwhile.
 */
const TURN = 50;

/** Ends a turn. */
export interface EndTurn {
  (): void;
}

/** Turns to begin a handshake. */
export interface HandshakeTurns {
  /** @returns A function to call when the handshake is over; a promise of it where others come first. */
  readonly take: (source: string) => EndTurn | Promise<EndTurn>;
}

/**
 * Makes turns. A handshake costs the processor more than all before it; of those that wait, each source
 * begins one in turn, so that the many of one source delay only themselves.
 */
export function makeHandshakeTurns(): HandshakeTurns {
  const queue = fairQueue();
  /** When each of them stops counting; the oldest first. */
  const underWay = new Set<{ readonly until: number }>();
  let timer: Timer | undefined;

  const begin = (): EndTurn => {
    const turn = { until: now() + TURN };
    underWay.add(turn);
    return () => {
      if (underWay.delete(turn)) proceed();
    };
  };

  const proceed = () => {
    while (queue.length > 0 && underWay.size < AT_ONCE) queue.take()!.begin();
    const [oldest] = underWay;
    if (queue.length === 0 || oldest === undefined) return;
    timer ??= callAt(oldest.until, () => {
      timer = undefined;
      const time = now();
      for (const turn of underWay) {
        if (turn.until > time) break;
        underWay.delete(turn);
      }
      proceed();
    });
  };

  return {
    take(source) {
      if (queue.length === 0 && underWay.size < AT_ONCE) return begin();
      const { promise, resolve } = Promise.withResolvers<EndTurn>();
      queue.add({ source, begin: () => resolve(begin()) });
      proceed();
      return promise;
    },
  };
}
