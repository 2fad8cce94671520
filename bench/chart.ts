import type { Comparison, Unit } from "./outcome.ts";

const WIDTH = 920;
const LABELS = 460;
const ROW = 26;
const BAR = 16;
const TOP = 56;
const BOTTOM = 16;
/** Space to the right of the longest bar for its number. */
const NUMBER = 60;

/** How many times as good as its peer this agent is, from a ratio of times, page faults or rates. */
function merit(ratio: number, unit: Unit): number {
  return unit === "per second" ? ratio : 1 / ratio;
}

/** The same of a goal. One that is a difference counts from the peer's median. */
function goalMerit({ goal, relation, unit, theirs: { median } }: Comparison): number | undefined {
  if (goal === null) return undefined;
  return merit(relation === "ratio" ? goal.value : (median + goal.value) / median, unit);
}

function foundMerit({ found, relation, unit, own, theirs }: Comparison): number {
  return merit(relation === "ratio" ? found.median : own.median / theirs.median, unit);
}

/**
 * Draws a bar for each comparison, in SVG: how many times as fast as the peer, or with how many times
 * fewer page faults, and the goal.
 */
export function drawChart(comparisons: readonly Comparison[]): string {
  const height = TOP + comparisons.length * ROW + BOTTOM;
  const longest = Math.max(
    1,
    ...comparisons.flatMap((comparison) => [foundMerit(comparison), goalMerit(comparison) ?? 1]),
  );
  const scale = (WIDTH - LABELS - NUMBER) / longest;
  const bars = comparisons.map((comparison, at) => {
    const { title, subject, peer, met } = comparison;
    const y = TOP + at * ROW;
    const value = foundMerit(comparison);
    const goal = goalMerit(comparison);
    const middle = y + BAR - 4;
    const color = met === null ? "#7a8793" : met ? "#2f7d4f" : "#b5532d";
    return [
      text(LABELS - 8, middle, `${title}, ${subject}: ${peer}`, "end"),
      `<rect x="${LABELS}" y="${y}" width="${
        fixed(value * scale)
      }" height="${BAR}" fill="${color}"/>`,
      text(LABELS + value * scale + 6, middle, value.toFixed(2), "start"),
      ...(goal === undefined ? [] : [upright(LABELS + goal * scale, y - 3, BAR + 6)]),
    ].join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(LABELS, 20, "times as good as the peer: as fast, or in page faults as few", "start"),
    text(LABELS, 38, "| goal; green: met, red: not met, grey: no goal", "start"),
    ...bars,
    `<line x1="${fixed(LABELS + scale)}" y1="${TOP - 8}" x2="${fixed(LABELS + scale)}" ` +
    `y2="${height - BOTTOM}" stroke="#222222" stroke-dasharray="3 3"/>`,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, content: string, anchor: "start" | "end"): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${fixed(x)}" y="${y}" text-anchor="${anchor}" fill="#222222">${escaped}</text>`;
}

function upright(x: number, y: number, height: number): string {
  return `<rect x="${fixed(x - 1)}" y="${y}" width="2" height="${height}" fill="#222222"/>`;
}

function fixed(value: number): string {
  return value.toFixed(1);
}
