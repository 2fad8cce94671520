/** A summary of measured values. */
export interface Summary {
  readonly median: number;
  /** 95 of 100 values are at least as good: the 95th percentile, of rates the 5th. */
  readonly p95: number;
  readonly count: number;
}

/** The middle of some values and how far they spread. */
export interface Spread {
  readonly median: number;
  readonly quartiles: readonly [low: number, high: number];
}

/**
 * Summarises values.
 * @param better Whether low or high values are good.
 * @throws {RangeError} if there are no values.
 */
export function summarise(values: readonly number[], better: "low" | "high"): Summary {
  const sorted = sort(values);
  return {
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, better === "low" ? 0.95 : 0.05),
    count: sorted.length,
  };
}

/**
 * The median of values, and the quartiles.
 * @throws {RangeError} if there are no values.
 */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = sort(values);
  return {
    median: quantile(sorted, 0.5),
    quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
  };
}

/** Values in ascending order. */
export function sort(values: readonly number[]): readonly number[] {
  if (values.length === 0) throw new RangeError("Cannot summarise: there are no values");
  return values.toSorted((a, b) => a - b);
}

/** A quantile of sorted values, interpolated between two of them. */
export function quantile(sorted: readonly number[], fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const low = sorted[Math.floor(place)]!;
  const high = sorted[Math.ceil(place)]!;
  return low + (high - low) * (place - Math.floor(place));
}
