/** Measured values of one part of the bench, in the order of its rounds, by side and subject. */
export type Samples = Map<string, number[]>;

/** The side and the subject of an empty program: what the runtime takes to start and to end. */
export const FLOOR = ["empty program", "start"] as const;

/** Adds a value of a side. */
export function addSample(samples: Samples, side: string, subject: string, value: number): void {
  const key = keyOf(side, subject);
  const known = samples.get(key);
  if (known === undefined) samples.set(key, [value]);
  else known.push(value);
}

/**
 * The values of a side.
 * @throws {RangeError} if there are none.
 */
export function samplesOf(samples: Samples, side: string, subject: string): readonly number[] {
  const values = samples.get(keyOf(side, subject));
  if (values === undefined) throw new RangeError(`Not measured: ${side}, ${subject}`);
  return values;
}

function keyOf(side: string, subject: string): string {
  return `${side} / ${subject}`;
}
