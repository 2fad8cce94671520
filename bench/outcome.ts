/** The result of a run of the bench. */
import type { Ratio, Summary } from "./statistics.ts";

/** The unit of a value: milliseconds for one, or how many a second. */
export type Unit = "ms" | "per second";

/** What a ratio is to be. */
export interface Goal {
  readonly kind: "at most" | "at least";
  readonly ratio: number;
}

/** One comparison. */
export interface Comparison {
  readonly title: string;
  /** What is asked for or run, as the figures name it. */
  readonly subject: string;
  readonly peer: string;
  readonly unit: Unit;
  readonly own: Summary;
  readonly theirs: Summary;
  readonly ratio: Ratio;
  readonly goal: Goal | null;
  readonly met: boolean | null;
}

/** Resident and proportional set size of one process, in KiB, see proc(5) on smaps_rollup. */
export interface Memory {
  readonly rss: number;
  readonly pss: number;
  /** The part of the resident set that belongs to no file: heap, stacks, compiled code. */
  readonly anonymous: number;
}

/** Memory of the two agents in the same situation. */
export interface MemoryComparison {
  readonly title: string;
  readonly own: Memory;
  readonly theirs: Memory | null;
}

/** How much a daemon's memory has grown. */
export interface Growth {
  readonly checks: number;
  /** The resident set size afterwards, divided by that before. */
  readonly ratio: number;
  /** The same of anonymous memory. */
  readonly anonymous: number;
  readonly goal: Goal;
  /** null if there were fewer checks than the goal requires. */
  readonly met: boolean | null;
}

/** The figures of a run, as results.json holds them. */
export interface Outcome {
  readonly date: string;
  readonly kind: "quick" | "full";
  readonly seconds: number;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly kernel: string;
    /** The load average of the last minute before the run. */
    readonly load: number;
  };
  /** Packages and their versions. */
  readonly peers: Readonly<Record<string, string>>;
  readonly comparisons: readonly Comparison[];
  readonly memory: readonly MemoryComparison[];
  readonly growth: Growth;
  /** In bytes. */
  readonly fileSize: { readonly own: number; readonly theirs: number };
}

/** Whether a ratio reaches its goal. */
export function isMet({ kind, ratio }: Goal, found: number): boolean {
  return kind === "at most" ? found <= ratio : found >= ratio;
}
