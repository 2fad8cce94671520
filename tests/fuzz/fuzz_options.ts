/** The parts of the fuzzer, and what it can be told. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../support/room.ts";
import type { Options } from "./part.ts";

/** Each part is loaded when it is wanted. */
export const PARTS = {
  access: async () => (await import("./access.ts")).access,
  decoder: async () => (await import("./decoder.ts")).decoder,
  conversations: async () => (await import("./conversations.ts")).conversations,
  arguments: async () => (await import("./arguments.ts")).calls,
  config: async () => (await import("./config.ts")).config,
  "state-file": async () => (await import("./state_file.ts")).stateFile,
  tls: async () => (await import("./tls.ts")).tls,
} as const;

/** Inputs that once were a fault, or are notable: a directory for each part. */
export const FOUND = join(ROOT, "tests", "fuzz", "found");

/** What is to be done. */
export interface Order extends Options {
  /** The number of the first input. */
  readonly seed: number;
  readonly count: number;
  /** Stop after so many; otherwise when all inputs are tried. */
  readonly seconds: number | undefined;
  /** Whether the inputs that are kept are tried first. */
  readonly replay: boolean;
  /** Where inputs with faults are written to. */
  readonly keep: string;
  readonly progress: boolean;
}

export const OPTIONS = {
  "seed": { type: "string", default: "1" },
  "count": { type: "string" },
  "seconds": { type: "string" },
  "reference-every": { type: "string", default: "1" },
  "c-agent": { type: "string" },
  "keep": { type: "string", default: "." },
  "no-replay": { type: "boolean", default: false },
  "quiet": { type: "boolean", default: false },
} as const;

/** How many inputs are tried if nobody says so. */
const COUNT = 1000;

/**
 * Reads options.
 * @throws {Error} for one that is not known, or is no number.
 */
export function readOrder(args: readonly string[]): Order {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const seconds = values.seconds === undefined ? undefined : numberOf("seconds", values.seconds);
  return {
    seed: numberOf("seed", values.seed),
    count: values.count !== undefined
      ? numberOf("count", values.count)
      : seconds === undefined
      ? COUNT
      : Infinity,
    seconds,
    referenceEvery: Math.max(1, numberOf("reference-every", values["reference-every"])),
    cAgent: values["c-agent"],
    replay: !values["no-replay"],
    keep: values.keep,
    progress: !values.quiet,
  };
}

function numberOf(name: string, text: string): number {
  if (/^[0-9]+$/.test(text)) return Number(text);
  throw new Error(`--${name} takes a whole number, not ${text}`);
}
