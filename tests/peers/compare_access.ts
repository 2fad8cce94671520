/** Compares answers about access tables with those of tcpdmatch, in a process of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/room.ts";
import { ACCESS_HOSTS_EXTRA, type AccessCase } from "./access_cases.ts";

/** Questions and their answers, recorded from tcpdmatch. */
export const RECORDED = join(ROOT, "tests", "wrappers", "access-cases.jsonl");

const WORKER = join(ROOT, "tests", "peers", "access_worker.ts");

/** A question that the two answer differently. */
export interface Disagreement {
  readonly id: number;
  readonly question: AccessCase;
  readonly should: unknown;
  readonly does: unknown;
}

/** What has been compared. */
export interface Count {
  readonly cases: number;
  readonly disagreements: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

/**
 * Runs the worker in a mount namespace of its own, so that no file of the machine is touched.
 * @param subject `engine`, or a program.
 * @param source Where the questions are from, see access_worker.ts.
 * @throws {Error} when the worker fails.
 */
export async function compare(
  subject: string,
  ...source: readonly string[]
): Promise<{ readonly disagreements: readonly Disagreement[]; readonly count: Count }> {
  const first = readFileSync(RECORDED, "utf8").split("\n", 1)[0]!;
  const { hosts } = JSON.parse(first) as { readonly hosts: string };
  const bun = join(ROOT, "node_modules", ".bin", "bun");
  const worker = Bun.spawn(
    ["unshare", "-m", bun, WORKER, subject, hosts + ACCESS_HOSTS_EXTRA, ...source],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  const lines = (await worker.stdout.text()).trimEnd().split("\n");
  if (await worker.exited !== 0) throw new Error("The worker has failed");
  return {
    disagreements: lines.slice(0, -1).map((line) => JSON.parse(line)),
    count: JSON.parse(lines.at(-1)!),
  };
}
