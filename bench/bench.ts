/**
 * Compares this agent with the C agent, tcpd and tcpdmatch on this machine, all sides in turn in one
 * run. Prints a table and writes it with a chart; a full run also updates bench/README.md and
 * README.md.
 *
 * Usage: bun bench/bench.ts [--quick]
 *
 * Needs root, for namespaces and inetd, and some Debian packages, whose names it prints if they are
 * missing. Everything that it starts ends with it.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../tests/support/room.ts";
import { drawChart } from "./chart.ts";
import type { Kind } from "./extent.ts";
import type { Outcome } from "./outcome.ts";
import { missingPackages } from "./packages.ts";
import { headlinesOf, markdownOf, textOf, withFigures } from "./table.ts";

/** Compiles the empty program with the agent's options. */
function compileEmpty(outfile: string): void {
  const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  const command = tasks.build.command
    .replace(" main.ts ", " bench/empty.ts ")
    .replace(/--outfile \S+/, `--outfile ${outfile}`);
  const compiling = Bun.spawnSync(["sh", "-c", command], { cwd: ROOT });
  if (compiling.exitCode !== 0) throw new Error(`${command}: ${compiling.stderr}`);
}

/**
 * Measures in a mount namespace and in a process namespace, which ends with all its processes. The
 * shell is the first of them: it inherits orphans and waits for them.
 */
async function measure(kind: Kind, room: string): Promise<Outcome> {
  const empty = join(room, "empty");
  const outcome = join(room, "outcome.json");
  compileEmpty(empty);
  const measuring = Bun.spawn(
    ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
      .concat(["sh", "-c", '"$0" "$@"; exit $?'])
      .concat([process.execPath, join(ROOT, "bench", "measure.ts"), kind, outcome, empty]),
    { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, TMPDIR: room } },
  );
  const stop = () => measuring.kill("SIGKILL");
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const status = await measuring.exited;
  if (status !== 0) throw new Error(`Measuring ended with ${measuring.signalCode ?? status}`);
  return JSON.parse(readFileSync(outcome, "utf8"));
}

/** Formats files as the checks require. */
function format(...paths: readonly string[]): void {
  const run = Bun.spawnSync(["npx", "-y", "deno", "fmt", "-q", ...paths], { cwd: ROOT });
  if (run.exitCode !== 0) throw new Error(`deno fmt: ${run.stderr}`);
}

/** Puts figures into a page of the checkout, and returns its path. */
function showFigures(page: string, figures: string): string {
  const path = join(ROOT, page);
  writeFileSync(path, withFigures(readFileSync(path, "utf8"), figures));
  return path;
}

/** Writes the figures; those of a full run into the checkout. */
function write(outcome: Outcome): string {
  const directory = join(ROOT, outcome.kind === "full" ? "bench" : "dist/bench");
  mkdirSync(directory, { recursive: true });
  const results = join(directory, "results.json");
  const chart = join(directory, "chart.svg");
  writeFileSync(results, JSON.stringify(outcome, null, 2) + "\n");
  writeFileSync(chart, drawChart(outcome.comparisons));
  if (outcome.kind === "full") {
    const whole = showFigures("bench/README.md", markdownOf(outcome));
    const short = showFigures("README.md", headlinesOf(outcome));
    format(whole, short, results, chart);
  }
  return directory;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== "--quick")) {
    console.error("Usage: deno task bench [--quick]");
    return 2;
  }
  const missing = missingPackages();
  if (missing.length > 0) {
    console.error(`The bench needs what is not installed: apt-get install ${missing.join(" ")}`);
    return 1;
  }
  if (process.getuid?.() !== 0) {
    console.error("The bench needs root: it starts inetd, in namespaces of its own");
    return 1;
  }
  const room = mkdtempSync(join(tmpdir(), "nrpe-bench-"));
  try {
    chmodSync(room, 0o755);
    const outcome = await measure(args.length > 0 ? "quick" : "full", room);
    console.log(textOf(outcome));
    console.log(`\nresults.json and chart.svg are in ${write(outcome)}`);
    return 0;
  } catch (error) {
    console.error(error);
    return 1;
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}

process.exit(await main(process.argv.slice(2)));
