import type { Comparison, Goal, Unit } from "./outcome.ts";

const WIDTH = 920;
const LABELS = 460;
const ROW = 26;
const BAR = 16;
const TOP = 56;
const BOTTOM = 16;
/** Space to the right of the longest bar for its number. */
const NUMBER = 60;

/** How many times as fast as its peer this agent is, from a ratio of times or of rates. */
function speed(ratio: number, unit: Unit): number {
  return unit === "ms" ? 1 / ratio : ratio;
}

/** Draws a bar for each comparison, in SVG: how many times as fast as the peer, and the goal. */
export function drawChart(comparisons: readonly Comparison[]): string {
  const height = TOP + comparisons.length * ROW + BOTTOM;
  const goalSpeed = ({ ratio }: Goal, unit: Unit) => speed(ratio, unit);
  const longest = Math.max(
    ...comparisons.flatMap(({ ratio, unit, goal }) => [
      speed(ratio.value, unit),
      goal === null ? 1 : goalSpeed(goal, unit),
    ]),
  );
  const scale = (WIDTH - LABELS - NUMBER) / longest;
  const bars = comparisons.map(({ title, subject, peer, unit, ratio, goal, met }, at) => {
    const y = TOP + at * ROW;
    const value = speed(ratio.value, unit);
    const middle = y + BAR - 4;
    const color = met === null ? "#7a8793" : met ? "#2f7d4f" : "#b5532d";
    return [
      text(LABELS - 8, middle, `${title}, ${subject}: ${peer}`, "end"),
      `<rect x="${LABELS}" y="${y}" width="${
        fixed(value * scale)
      }" height="${BAR}" fill="${color}"/>`,
      text(LABELS + value * scale + 6, middle, value.toFixed(2), "start"),
      ...(goal === null ? [] : [upright(LABELS + goalSpeed(goal, unit) * scale, y - 3, BAR + 6)]),
    ].join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(LABELS, 20, "times as fast as the peer", "start"),
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
