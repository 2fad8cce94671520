/** How long a run takes: `quick` during development, `full` for published figures. */
export type Kind = "quick" | "full";

/** How often things are measured. */
export interface Extent {
  /** Rounds in which every program is run once. */
  readonly processRounds: number;
  /** Rounds in which every side under inetd is asked once. */
  readonly conversationRounds: number;
  /** Rounds in which every daemon answers a batch. */
  readonly daemonRounds: number;
  /** Checks in a batch. */
  readonly batch: number;
  /** Checks between two measurements of a daemon's memory. */
  readonly memoryChecks: number;
}

/** How often things are measured in each kind of run. */
export const EXTENT: Readonly<Record<Kind, Extent>> = {
  quick: {
    processRounds: 30,
    conversationRounds: 80,
    daemonRounds: 5,
    batch: 200,
    memoryChecks: 2_000,
  },
  full: {
    processRounds: 150,
    conversationRounds: 500,
    daemonRounds: 15,
    batch: 300,
    memoryChecks: 100_000,
  },
};

/** The first rounds, whose values are dropped: files enter caches, programs warm up. */
export const WARM_UP = 3;

/** A measurement of a round. */
export type Measurement = () => void;

/**
 * Makes all measurements in each round, beginning with a different one each time, so that none always
 * follows the same.
 *
 * @param forget Drops the values so far; called after the warm-up.
 */
export function interleave(
  measurements: readonly Measurement[],
  rounds: number,
  forget: () => void,
): void {
  for (let round = -WARM_UP; round < rounds; round++) {
    if (round === 0) forget();
    for (let at = 0; at < measurements.length; at++) {
      measurements[(at + round + WARM_UP) % measurements.length]!();
    }
  }
}
