/** A source of numbers that look random and are the same for the same seed (mulberry32). */
export interface Random {
  /** A whole number of at least 0 and below `limit`. */
  below(limit: number): number;
  /** One of some things. */
  pick<Thing>(things: readonly Thing[]): Thing;
  /** Bytes of any value. */
  bytes(length: number): Uint8Array;
}

/** Makes a source of numbers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number) => Math.floor((next() / 2 ** 32) * limit);
  return {
    below,
    pick: (things) => things[below(things.length)]!,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}
