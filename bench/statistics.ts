/** A summary of measured values: times, of which low ones are good, or rates. */
export interface Summary {
  readonly median: number;
  /** 95 of 100 values are at least as good: the 95th percentile of times, the 5th of rates. */
  readonly p95: number;
  /** Bounds of the median with 95 % confidence, by ranks. */
  readonly interval: readonly [low: number, high: number];
  readonly count: number;
}

/** How two sides compare. */
export interface Ratio {
  /** This agent's median divided by the peer's. */
  readonly value: number;
  /** The least and the greatest ratio within the intervals of the medians. */
  readonly interval: readonly [low: number, high: number];
}

/** The standard normal distribution's two-sided 95 % point. */
const Z95 = 1.96;

/**
 * Summarises values.
 * @param better Whether low or high values are good.
 * @throws {RangeError} if there are no values.
 */
export function summarise(values: readonly number[], better: "low" | "high"): Summary {
  if (values.length === 0) throw new RangeError("Cannot summarise: there are no values");
  const sorted = values.toSorted((a, b) => a - b);
  // The ranks that bound the median: the number of values below it is binomial with p = 1/2.
  const half = (Z95 * Math.sqrt(sorted.length)) / 2;
  const at = (rank: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(rank)))]!;
  return {
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, better === "low" ? 0.95 : 0.05),
    interval: [at(sorted.length / 2 - half - 1), at(sorted.length / 2 + half)],
    count: sorted.length,
  };
}

/** Compares two medians. */
export function ratioOf(own: Summary, peer: Summary): Ratio {
  return {
    value: own.median / peer.median,
    interval: [own.interval[0] / peer.interval[1], own.interval[1] / peer.interval[0]],
  };
}

/** A quantile of sorted values, interpolated between two of them. */
function quantile(sorted: readonly number[], fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const low = sorted[Math.floor(place)]!;
  const high = sorted[Math.ceil(place)]!;
  return low + (high - low) * (place - Math.floor(place));
}
