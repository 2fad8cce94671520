/** The result of a run of the bench. */
import type { Kind, Part } from "./extent.ts";
import type { Spread, Summary } from "./statistics.ts";

/** The unit of a value: milliseconds for one, how many a second, or page faults of a process. */
export type Unit = "ms" | "per second" | "faults";

/** How this agent's value relates to the peer's: divided by it, or less it. */
export type Relation = "ratio" | "difference";

/** What a ratio or a difference is to be. */
export interface Goal {
  readonly kind: "at most" | "at least";
  readonly value: number;
}

/** One comparison. */
export interface Comparison {
  readonly part: Part;
  readonly title: string;
  /** What is asked for or run, as the figures name it. */
  readonly subject: string;
  readonly peer: string;
  readonly unit: Unit;
  readonly own: Summary;
  readonly theirs: Summary;
  readonly relation: Relation;
  /** The relation, of pairs that were measured in turn. */
  readonly found: Spread;
  /**
   * The share of this agent's median that the empty program takes, measured in the same rounds; null
   * where no process of this agent is started.
   */
  readonly floor: number | null;
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
  /** The goal of this agent's resident set size, in MiB. */
  readonly goal: Goal | null;
  readonly met: boolean | null;
}

/** How much a daemon's memory has grown. */
export interface Growth {
  /** After how many checks it was measured, for the first time and for the second. */
  readonly checks: readonly [first: number, second: number];
  /** The resident set size afterwards, divided by that before. */
  readonly ratio: number;
  /** The same of anonymous memory. */
  readonly anonymous: number;
  /** null if there were fewer checks than the goal requires. */
  readonly goal: Goal | null;
  readonly met: boolean | null;
}

/** What is found out about memory. */
export interface MemoryFindings {
  readonly memory: readonly MemoryComparison[];
  readonly growth: Growth;
}

/** How a good client was served while others meant harm. */
export interface FloodFinding {
  /** What the others did. */
  readonly title: string;
  /** Which agent, and how it was started. */
  readonly side: string;
  /** How many connections the others made a second. */
  readonly rate: number;
  /** The times of the good client's checks, failed ones included, in milliseconds. */
  readonly median: number;
  readonly p95: number;
  readonly longest: number;
  readonly answered: number;
  readonly failed: number;
  /** The agent's resident set size before and two seconds afterwards, in KiB. */
  readonly memory: readonly [before: number, after: number];
  /** How many lines arrived in syslog. */
  readonly lines: number;
  /** The share of a processor that the agent took, without its plugins. */
  readonly cpu: number;
}

/** The figures of a run, as results.json holds them. */
export interface Outcome {
  readonly date: string;
  readonly kind: Kind;
  /** Where they are not all, some figures are missing. */
  readonly parts: readonly Part[];
  readonly seconds: number;
  /** The version of the runtime inside the binary. */
  readonly runtime: string;
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
  /** null where it was not measured. */
  readonly findings: MemoryFindings | null;
  /** null where they were not measured. */
  readonly floods: readonly FloodFinding[] | null;
  /** In bytes. */
  readonly fileSize: { readonly own: number; readonly theirs: number };
}

/** Whether a goal is reached; null where there is none. */
export function isMet(goal: Goal | null, found: number): boolean | null {
  if (goal === null) return null;
  return goal.kind === "at most" ? found <= goal.value : found >= goal.value;
}
