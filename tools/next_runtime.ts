/**
 * Tries another version of the runtime in a copy of the checkout: builds, tests and measures with it,
 * and prints its figures beside those of the pinned version, which it measures first. The copy is
 * removed; the checkout stays as it is.
 *
 * Usage: bun tools/next_runtime.ts VERSION [TEST...] [PART...]
 *
 * VERSION is one that the npm registry has of the package `bun`, TEST a test file, PART a part of the
 * bench; all of them, where none is named. Like the bench it needs root. The exit status is 1 when a test or a step fails.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { PARTS } from "../bench/extent.ts";
import type { Outcome, Unit } from "../bench/outcome.ts";
import { FLOOR } from "../bench/samples.ts";
import { alignedTable, withUnit } from "../bench/table.ts";

const ROOT = join(import.meta.dir, "..");
const PEERS = ".peers";
/** What the copy makes itself or does not need. */
const LEFT_OUT = [".git", "dist", "node_modules", PEERS];
const BUN = "./node_modules/.bin/bun";
const DENO = ["npx", "-y", "deno"];
/** How long a step may take, in milliseconds. */
const LIMIT = 3_600_000;

let running: Bun.Subprocess | undefined;
let stopped = false;

/**
 * Runs a step.
 * @throws {Error} when it fails.
 */
async function run(copy: string, ...command: readonly string[]): Promise<void> {
  if (stopped) throw new Error("Stopped");
  console.error(`\n> ${command.join(" ")}`);
  running = Bun.spawn([...command], {
    cwd: copy,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: LIMIT,
  });
  const status = await running.exited;
  if (status !== 0) {
    throw new Error(`${command.join(" ")} ended with ${running.signalCode ?? status}`);
  }
}

/** Copies the checkout. The peers of the tests are used where they lie. */
function copyCheckout(copy: string): void {
  cpSync(ROOT, copy, {
    recursive: true,
    filter: (path) => !LEFT_OUT.includes(relative(ROOT, path)),
  });
  if (existsSync(join(ROOT, PEERS))) symlinkSync(join(ROOT, PEERS), join(copy, PEERS));
}

/** Pins the copy to a version. The types, which only checks read, stay. */
function pin(copy: string, version: string): void {
  const path = join(copy, "deno.json");
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  manifest.imports.bun = `npm:bun@${version}`;
  writeFileSync(path, JSON.stringify(manifest, null, 2));
}

async function build(copy: string): Promise<void> {
  await run(copy, ...DENO, "install", "--frozen-lockfile=false");
  await run(copy, ...DENO, "task", "build");
}

async function measure(copy: string, parts: readonly string[]): Promise<Outcome> {
  await run(copy, BUN, "bench/bench.ts", "--quick", ...parts);
  return JSON.parse(readFileSync(join(copy, "dist/bench/results.json"), "utf8"));
}

interface Figure {
  readonly value: number;
  readonly text: string;
}

/** This agent's figures and those of the empty program, by their names. */
function figuresOf({ comparisons, findings, fileSize }: Outcome): Map<string, Figure> {
  const figures = new Map<string, Figure>();
  const add = (name: string, value: number, text: string) => figures.set(name, { value, text });
  const addMedian = (name: string, { median }: { readonly median: number }, unit: Unit) =>
    add(name, median, withUnit(median, unit));
  for (const { title, subject, peer, unit, own, theirs } of comparisons) {
    addMedian(`${title}, ${subject}`, own, unit);
    if (peer === FLOOR[0]) addMedian(`${peer} (${unit})`, theirs, unit);
  }
  const addSize = (name: string, bytes: number) =>
    add(name, bytes, `${(bytes / 2 ** 20).toFixed(1)} MiB`);
  for (const { title, own } of findings?.memory ?? []) addSize(`${title}, RSS`, own.rss * 1024);
  addSize("the file", fileSize.own);
  return figures;
}

function besideEachOther(old: Outcome, next: Outcome): string {
  const found = figuresOf(next);
  const rows = [...figuresOf(old)].map(([name, was]) => {
    const is = found.get(name)!;
    return [name, was.text, is.text, (is.value / was.value).toFixed(2)];
  });
  return alignedTable([["figure", `Bun ${old.runtime}`, `Bun ${next.runtime}`, "ratio"], ...rows]);
}

async function main([version, ...named]: readonly string[]): Promise<number> {
  if (version === undefined || !/^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$/.test(version)) {
    console.error("Usage: deno task next-runtime VERSION [TEST...] [PART...]");
    return 2;
  }
  const parts = PARTS.filter((part) => named.includes(part));
  const tests = named.filter((name) => !PARTS.some((part) => part === name));
  const copy = mkdtempSync(join(tmpdir(), "nrpe-next-"));
  try {
    copyCheckout(copy);
    await build(copy);
    const old = await measure(copy, parts);
    pin(copy, version);
    await build(copy);
    const failed = await run(copy, BUN, "tests/run.ts", "--only-failures", ...tests)
      .then(() => undefined, (error: Error) => error.message);
    const next = await measure(copy, parts);
    console.log(`\n${besideEachOther(old, next)}\n\n${failed ?? "The tests pass"}`);
    return failed === undefined ? 0 : 1;
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    stopped = true;
    running?.kill();
  });
}
process.exit(await main(process.argv.slice(2)));
