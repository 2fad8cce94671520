/** How long a run takes: `quick` during development, `full` for published figures. */
export type Kind = "quick" | "full";

/** What can be measured on its own, in the order in which it is measured. */
export const PARTS = [
  "faults",
  "processes",
  "conversations",
  "growth",
  "daemons",
  "memory",
  "floods",
] as const;

/** A part of a run. */
export type Part = (typeof PARTS)[number];

/** How often things are measured. */
export interface Extent {
  /** Rounds in which the page faults of every program are counted. */
  readonly faultRounds: number;
  /** Rounds in which every program is run once. */
  readonly processRounds: number;
  /** Rounds in which every side under inetd is asked once. */
  readonly conversationRounds: number;
  /** Rounds in which sides with small and with large files are asked once. */
  readonly growthRounds: number;
  /** Rounds in which every daemon answers a batch. */
  readonly daemonRounds: number;
  /** Checks in a batch. */
  readonly batch: number;
  /** After how many checks a daemon's memory is measured, for the first time and for the second. */
  readonly memoryChecks: readonly [first: number, second: number];
  /** How long each flood takes, in milliseconds. */
  readonly floodTime: number;
}

/** How often things are measured in each kind of run. */
export const EXTENT: Readonly<Record<Kind, Extent>> = {
  quick: {
    faultRounds: 10,
    processRounds: 30,
    conversationRounds: 60,
    growthRounds: 40,
    daemonRounds: 5,
    batch: 160,
    memoryChecks: [200, 2_000],
    floodTime: 3_000,
  },
  full: {
    faultRounds: 50,
    processRounds: 150,
    conversationRounds: 500,
    growthRounds: 300,
    daemonRounds: 15,
    batch: 300,
    memoryChecks: [2_000, 100_000],
    floodTime: 6_000,
  },
};

/** After how long a run is stopped, in milliseconds: many times what it takes on a busy machine. */
export const RUN_LIMIT: Readonly<Record<Kind, number>> = { quick: 1_800_000, full: 3_600_000 };

/** The first rounds, whose values are dropped: files enter caches, programs warm up. */
export const WARM_UP = 3;

/** A measurement of a round. */
export type Measurement = () => void;

/**
 * Makes all measurements in each round, in the opposite order in every second one, and beginning with
 * a different one each time: of two that are compared each comes first as often as the other.
 *
 * @param forget Drops the values so far; called after the warm-up.
 */
export function interleave(
  measurements: readonly Measurement[],
  rounds: number,
  forget: () => void,
): void {
  const last = measurements.length - 1;
  for (let round = 0; round < WARM_UP + rounds; round++) {
    if (round === WARM_UP) forget();
    for (let at = 0; at <= last; at++) {
      const place = (at + (round >> 1)) % measurements.length;
      measurements[round % 2 === 0 ? place : last - place]!();
    }
  }
}
