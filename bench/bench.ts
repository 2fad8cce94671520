/**
 * Compares this agent with the C agent, tcpd and tcpdmatch on this machine, all sides in turn in one
 * run. Prints a table and writes it with a chart; a full run of all parts also updates bench/README.md
 * and README.md.
 *
 * Usage: bun bench/bench.ts [--quick] [PART...]
 *
 * Needs root, for namespaces and inetd. Debian packages that are not installed are fetched as for the
 * tests. Everything that it starts ends with it.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchPeers, seeingPeers } from "../tests/support/fetch_peers.ts";
import { ROOT } from "../tests/support/room.ts";
import { compile } from "../tools/build.ts";
import { drawChart } from "./chart.ts";
import { type Kind, type Part, PARTS, RUN_LIMIT } from "./extent.ts";
import type { Outcome } from "./outcome.ts";
import { missingPackages } from "./packages.ts";
import { headlinesOf, markdownOf, textOf, withFigures } from "./table.ts";

/** How long a formatter may take, in milliseconds. */
const TOOL_LIMIT = 120_000;

/**
 * Measures in a mount namespace and in a process namespace, which ends with all its processes: when
 * measuring ends or takes too long, and when this process ends, killed or not. The shell is the first
 * of them: it inherits orphans and waits for them.
 */
async function measure(kind: Kind, parts: readonly Part[], room: string): Promise<Outcome> {
  const empty = join(room, "empty");
  const outcome = join(room, "outcome.json");
  // An empty program, with the agent's options.
  compile({ root: ROOT, entry: "bench/empty.ts", outfile: empty, commit: "" });
  const measuring = [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ...["sh", "-c", '"$0" "$@"; exit $?'],
    ...[process.execPath, join(ROOT, "bench", "measure.ts"), kind, outcome, empty, ...parts],
  ];
  const run = Bun.spawn(missingPackages().length > 0 ? seeingPeers(...measuring) : measuring, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, TMPDIR: room },
    timeout: RUN_LIMIT[kind],
    killSignal: "SIGKILL",
  });
  const stop = () => run.kill("SIGKILL");
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(signal, stop);
  const status = await run.exited;
  if (status !== 0) throw new Error(`Measuring ended with ${run.signalCode ?? status}`);
  return JSON.parse(readFileSync(outcome, "utf8"));
}

/** Formats files as the checks require. */
function format(...paths: readonly string[]): void {
  const run = Bun.spawnSync(["npx", "-y", "deno", "fmt", "-q", ...paths], {
    cwd: ROOT,
    timeout: TOOL_LIMIT,
  });
  if (run.exitCode !== 0) throw new Error(`deno fmt: ${run.stderr}`);
}

/** Puts figures into a page of the checkout, and returns its path. */
function showFigures(page: string, figures: string): string {
  const path = join(ROOT, page);
  writeFileSync(path, withFigures(readFileSync(path, "utf8"), figures));
  return path;
}

/** Writes the figures; those of a full run of all parts into the checkout. */
function write(outcome: Outcome): string {
  const published = outcome.kind === "full" && outcome.parts.length === PARTS.length;
  const directory = join(ROOT, published ? "bench" : "dist/bench");
  mkdirSync(directory, { recursive: true });
  const results = join(directory, "results.json");
  const chart = join(directory, "chart.svg");
  writeFileSync(results, JSON.stringify(outcome, null, 2) + "\n");
  writeFileSync(chart, drawChart(outcome.comparisons));
  if (published) {
    const whole = showFigures("bench/README.md", markdownOf(outcome));
    const short = showFigures("README.md", headlinesOf(outcome));
    format(whole, short, results, chart);
  }
  return directory;
}

async function main(args: readonly string[]): Promise<number> {
  const named = args.filter((arg) => arg !== "--quick");
  const parts = PARTS.filter((part) => named.length === 0 || named.includes(part));
  if (named.some((name) => !PARTS.some((part) => part === name))) {
    console.error(`Usage: deno task bench [--quick] [PART...], of ${PARTS.join(", ")}`);
    return 2;
  }
  if (process.getuid?.() !== 0) {
    console.error("The bench needs root: it starts inetd, in namespaces of its own");
    return 1;
  }
  const room = mkdtempSync(join(tmpdir(), "nrpe-bench-"));
  try {
    chmodSync(room, 0o755);
    if (missingPackages().length > 0) fetchPeers();
    const outcome = await measure(args.includes("--quick") ? "quick" : "full", parts, room);
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
