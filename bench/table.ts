/** The figures of a run as text: for a terminal, bench/README.md and README.md. */
import type { Comparison, Goal, Memory, MemoryComparison, Outcome, Unit } from "./outcome.ts";
import type { Ratio, Summary } from "./statistics.ts";

const BEGIN = "<!-- figures, written by deno task bench -->";
const END = "<!-- end of figures -->";

const HEAD = ["case", "plugin", "this agent", "peer", "", "ratio", "goal", "met"];
const FULL_HEAD = [
  ...["case", "plugin or table", "unit", "median", "p95", "peer", "median", "p95"],
  ...["ratio", "95 % interval", "goal", "met"],
];
const MEMORY_HEAD = ["memory, RSS / PSS / anonymous", "this agent", "C agent"];

/** All figures, for a terminal. */
export function textOf(outcome: Outcome): string {
  return [
    describeRun(outcome),
    alignedTable([FULL_HEAD, ...outcome.comparisons.map(fullRow)]),
    "p95 is what 95 of 100 values are at least as good as; ratio is this agent's median by the peer's.",
    alignedTable([MEMORY_HEAD, ...outcome.memory.map(memoryRow)]),
    growthText(outcome),
    fileSizeText(outcome),
  ].join("\n\n");
}

/** All figures in Markdown, for bench/README.md. */
export function markdownOf(outcome: Outcome): string {
  return [
    describeRun(outcome),
    alignedTable([HEAD, ...outcome.comparisons.map(row)]),
    "Medians; ratio is this agent's by the peer's. Times end with the complete response, or with the " +
    "whole process\nwhere the case says so.",
    "![How many times as fast as the peer](chart.svg)",
    alignedTable([MEMORY_HEAD, ...outcome.memory.map(memoryRow)]),
    `${growthText(outcome)}\n${fileSizeText(outcome)}`,
  ].join("\n\n");
}

/** The comparisons that README.md shows, by title and peer: one for each way to serve. */
const HEADLINES: readonly (readonly [title: string, peer: string])[] = [
  ["inetd nowait, plain, access rules", "tcpd + C"],
  ["inetd wait, plain, access rules", "tcpd + C"],
  ["daemon, TLS 1.3, 16 at once", "C daemon TLS"],
];
const HEADLINE_SUBJECT = "echo";

/** The main figures in Markdown, for README.md. */
export function headlinesOf({ comparisons }: Outcome): string {
  const shown = comparisons.filter(({ title, subject, peer }) =>
    subject === HEADLINE_SUBJECT && HEADLINES.some(([of, by]) => of === title && by === peer)
  );
  const rows = shown.map(({ title, peer, unit, own, theirs }) => [
    title,
    withUnit(own.median, unit),
    withUnit(theirs.median, unit),
    peer,
  ]);
  return alignedTable([["case", "this agent", "peer", ""], ...rows]);
}

/**
 * Replaces the figures of a page.
 * @throws {SyntaxError} if it has no marker for them.
 */
export function withFigures(page: string, figures: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new SyntaxError(`Cannot write the figures into the page: "${BEGIN}" is missing`);
  }
  return `${page.slice(0, begin + BEGIN.length)}\n\n${figures}\n\n${page.slice(end)}`;
}

function describeRun({ date, kind, seconds, machine, peers }: Outcome): string {
  const { processor, cores, kernel, load } = machine;
  const versions = Object.entries(peers).map((peer) => peer.join(" ")).join(", ");
  return `A ${kind} run of ${seconds} s on ${date}: ${processor}, ${cores} cores, Linux ${kernel}, ` +
    `load ${load.toFixed(2)}\nat its beginning. Peers: ${versions}.`;
}

function row({ title, subject, peer, unit, own, theirs, ratio, goal, met }: Comparison): string[] {
  return [
    title,
    subject,
    withUnit(own.median, unit),
    withUnit(theirs.median, unit),
    peer,
    ratio.value.toFixed(2),
    goalText(goal),
    metText(met),
  ];
}

function fullRow(comparison: Comparison): string[] {
  const { title, subject, peer, unit, own, theirs, ratio, goal, met } = comparison;
  const figures = ({ median, p95 }: Summary) => [rounded(median, unit), rounded(p95, unit)];
  return [
    title,
    subject,
    unit,
    ...figures(own),
    peer,
    ...figures(theirs),
    ratio.value.toFixed(2),
    intervalText(ratio),
    goalText(goal),
    metText(met),
  ];
}

function memoryRow({ title, own, theirs }: MemoryComparison): string[] {
  const inMiB = ({ rss, pss, anonymous }: Memory) =>
    `${[rss, pss, anonymous].map((size) => (size / 1024).toFixed(1)).join(" / ")} MiB`;
  return [title, inMiB(own), theirs === null ? "" : inMiB(theirs)];
}

function growthText({ growth }: Outcome): string {
  const { checks, ratio, anonymous, goal, met } = growth;
  const judged = met === null ? "" : ` (goal: ${goalText(goal)}, ${met ? "met" : "not met"})`;
  return `A quiet second after ${checks.toLocaleString("en")} checks, a daemon's RSS is ${
    ratio.toFixed(2)
  } of what it was after one${judged}, and its anonymous memory ${anonymous.toFixed(2)}.`;
}

function fileSizeText({ fileSize: { own, theirs } }: Outcome): string {
  const inMB = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return `The file has ${inMB(own)}, the C agent's ${inMB(theirs)} beside its libraries.`;
}

function withUnit(value: number, unit: Unit): string {
  return `${rounded(value, unit)} ${unit === "ms" ? "ms" : "/s"}`;
}

function rounded(value: number, unit: Unit): string {
  return value.toFixed(unit === "ms" ? 2 : 0);
}

function intervalText({ interval: [low, high] }: Ratio): string {
  return `${low.toFixed(2)} to ${high.toFixed(2)}`;
}

function goalText(goal: Goal | null): string {
  return goal === null ? "" : `${goal.kind} ${goal.ratio.toFixed(2)}`;
}

function metText(met: boolean | null): string {
  return met === null ? "" : met ? "yes" : "no";
}

/** A table in Markdown whose columns are aligned; the first row is its head. */
function alignedTable(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows as [readonly string[], ...string[][]];
  const widths = head.map((_, at) => Math.max(3, ...rows.map((cells) => cells[at]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...body.map(line)].join("\n");
}
