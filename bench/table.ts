/** The figures of a run as text: for a terminal, bench/README.md and README.md. */
import type {
  Comparison,
  FloodFinding,
  Goal,
  Growth,
  Memory,
  MemoryComparison,
  Outcome,
  Relation,
  Unit,
} from "./outcome.ts";

const BEGIN = "<!-- figures, written by deno task bench -->";
const END = "<!-- end of figures -->";

const HEAD = [
  ...["case", "plugin", "this agent", "peer", "", "compared", "quartiles"],
  ...["floor", "goal", "met"],
];
const MEMORY_HEAD = ["memory, RSS / PSS / anonymous", "this agent", "C agent", "goal", "met"];
const FLOOD_HEAD = [
  ...["others", "agent", "their connections", "median", "95 %", "longest", "failed"],
  ...["RSS before / after", "log lines", "processor"],
];
const LEGEND =
  `Medians. A pair is measured in turn, in alternating order; compared are both values of
each pair, as a ratio or, with a sign, as a difference. The floor is the share of this agent's value
that the empty program takes in the same rounds. Times end with the complete response, or with the
whole process where the case says so. Page faults are those of the agent's process alone.`;

/** All figures, for a terminal. */
export function textOf(outcome: Outcome): string {
  return paragraphsOf(outcome).join("\n\n");
}

/** All figures in Markdown, for bench/README.md. */
export function markdownOf(outcome: Outcome): string {
  const [run, comparisons, legend, ...memory] = paragraphsOf(outcome);
  return [run, comparisons, legend, "![How many times as good as the peer](chart.svg)", ...memory]
    .join("\n\n");
}

function paragraphsOf(outcome: Outcome): string[] {
  const { comparisons, findings, floods } = outcome;
  return [
    describeRun(outcome),
    alignedTable([HEAD, ...comparisons.map(row)]),
    LEGEND,
    ...(findings === null ? [] : [
      alignedTable([MEMORY_HEAD, ...findings.memory.map(memoryRow)]),
      growthText(findings.growth),
    ]),
    ...(floods === null ? [] : [alignedTable([FLOOD_HEAD, ...floods.map(floodRow)]), FLOOD_LEGEND]),
    fileSizeText(outcome),
  ];
}

const FLOOD_LEGEND =
  `While others mean harm, a good client at another address asks for echo, one check after the
other; its times, failed checks among them, and the processor that the agent takes itself. All of them
share the machine.`;

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

function describeRun({ date, kind, seconds, runtime, machine, peers }: Outcome): string {
  const { processor, cores, kernel, load } = machine;
  const versions = Object.entries(peers).map((peer) => peer.join(" ")).join(", ");
  return `A ${kind} run of ${seconds} s on ${date}: ${processor}, ${cores} cores, Linux ${kernel}, ` +
    `load ${load.toFixed(2)}\nat its beginning. Runtime: Bun ${runtime}. Peers: ${versions}.`;
}

function row(comparison: Comparison): string[] {
  const { title, subject, peer, unit, own, theirs, relation, found, floor, goal, met } = comparison;
  const show = (value: number) => related(value, relation, unit);
  return [
    title,
    subject,
    withUnit(own.median, unit),
    withUnit(theirs.median, unit),
    peer,
    show(found.median),
    found.quartiles.map(show).join(" to "),
    floor === null ? "" : `${(floor * 100).toFixed(0)} %`,
    goal === null ? "" : `${goal.kind} ${show(goal.value)}`,
    metText(met),
  ];
}

function memoryRow({ title, own, theirs, goal, met }: MemoryComparison): string[] {
  const inMiB = ({ rss, pss, anonymous }: Memory) =>
    `${[rss, pss, anonymous].map((size) => (size / 1024).toFixed(1)).join(" / ")} MiB`;
  return [
    title,
    inMiB(own),
    theirs === null ? "" : inMiB(theirs),
    goal === null ? "" : `RSS ${goal.kind} ${goal.value} MiB`,
    metText(met),
  ];
}

function floodRow(finding: FloodFinding): string[] {
  const { title, side, rate, median, p95, longest, answered, failed, memory, lines, cpu } = finding;
  return [
    title,
    side,
    withUnit(rate, "per second"),
    ...[median, p95, longest].map((time) => withUnit(time, "ms")),
    `${failed} of ${answered + failed}`,
    `${memory.map((size) => (size / 1024).toFixed(1)).join(" / ")} MiB`,
    String(lines),
    `${(cpu * 100).toFixed(0)} %`,
  ];
}

function growthText({ checks, ratio, anonymous, goal, met }: Growth): string {
  const [first, second] = checks.map((count) => count.toLocaleString("en"));
  const judged = goal === null ? "" : ` (goal: ${goalOfRatio(goal)}, ${met ? "met" : "not met"})`;
  return `A quiet second after ${second} checks, a daemon's RSS is ${
    ratio.toFixed(2)
  } of what it ` +
    `was after ${first}${judged},\nand its anonymous memory ${anonymous.toFixed(2)}.`;
}

function goalOfRatio({ kind, value }: Goal): string {
  return `${kind} ${value.toFixed(2)}`;
}

function fileSizeText({ fileSize: { own, theirs } }: Outcome): string {
  const inMB = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return `The file has ${inMB(own)}, the C agent's ${inMB(theirs)} beside its libraries.`;
}

const UNITS: Readonly<Record<Unit, string>> = { ms: " ms", "per second": " /s", faults: "" };

/** A value as the figures show it. */
export function withUnit(value: number, unit: Unit): string {
  return `${value.toFixed(unit === "ms" ? 2 : 0)}${UNITS[unit]}`;
}

function related(value: number, relation: Relation, unit: Unit): string {
  if (relation === "ratio") return value.toFixed(2);
  return `${value < 0 ? "" : "+"}${withUnit(value, unit)}`;
}

function metText(met: boolean | null): string {
  return met === null ? "" : met ? "yes" : "no";
}

/** A table in Markdown whose columns are aligned; the first row is its head. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows as [readonly string[], ...string[][]];
  const widths = head.map((_, at) => Math.max(3, ...rows.map((cells) => cells[at]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...body.map(line)].join("\n");
}
