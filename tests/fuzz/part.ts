/** What the parts of the fuzzer have in common. */
import type { Peer } from "../support/peers.ts";
import type { Random } from "../support/random.ts";

/** A part: what it is about, and how it is set up. */
export interface Part<Input> {
  readonly about: string;
  /** Programs that it cannot do without. */
  readonly peers: readonly Peer[];
  /** How many inputs are tried together at most. */
  readonly batch: number;
  /** Starts what is to be tried. */
  readonly start: (options: Options) => Promise<Trial<Input>>;
  /** An input as text, for a file; and the other way. */
  readonly write: (input: Input) => unknown;
  readonly read: (written: unknown) => Input;
}

/** What a part can be told. */
export interface Options {
  /** Of how many inputs one is shown to the reference as well. */
  readonly referenceEvery: number;
  /** A C agent that was built with arguments, which Debian's is not. */
  readonly cAgent: string | undefined;
}

/** A part that is set up. */
export interface Trial<Input> extends AsyncDisposable {
  /** Makes the input of a number. */
  readonly make: (random: Random) => Input;
  /**
   * Tries inputs; returns what is wrong.
   * @param everywhere Whether each is tried in every way, as those are that are kept.
   */
  readonly run: (
    inputs: readonly Input[],
    everywhere: boolean,
  ) => Promise<readonly Fault<Input>[]>;
  /** What has come up, for those who doubt that anything has. */
  readonly counts: () => Readonly<Record<string, number>>;
}

/** Something that must not be. */
export interface Fault<Input> {
  readonly what: string;
  /** The input that brings it about; undefined where any of those that were tried may have. */
  readonly input: Input | undefined;
}

/** Counts things by name. */
export interface Tally {
  readonly add: (name: string, count?: number) => void;
  readonly counts: () => Readonly<Record<string, number>>;
}

/** Makes a tally. */
export function makeTally(): Tally {
  const counts: Record<string, number> = {};
  return {
    add: (name, count = 1) => void (counts[name] = (counts[name] ?? 0) + count),
    counts: () => counts,
  };
}
