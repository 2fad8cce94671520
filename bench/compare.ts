import { type Case, CASES } from "./cases.ts";
import type { Part } from "./extent.ts";
import { type Comparison, isMet } from "./outcome.ts";
import { FLOOR, type Samples, samplesOf } from "./samples.ts";
import { spreadOf, summarise } from "./statistics.ts";

/**
 * Compares all sides of the parts that were measured.
 * @throws {RangeError} if one of their sides has no values.
 */
export function compare(measured: ReadonlyMap<Part, Samples>): Comparison[] {
  return CASES.flatMap((row) => {
    const samples = measured.get(row.part);
    if (samples === undefined) return [];
    return Object.keys(row.goals).map((subject) => compareOne(row, subject, samples));
  });
}

function compareOne(row: Case, subject: string, samples: Samples): Comparison {
  const { part, title, peer, unit, relation = "ratio" } = row;
  const better = unit === "per second" ? "high" : "low";
  const own = samplesOf(samples, row.own, subject);
  const floor = () => samplesOf(samples, ...FLOOR);
  const theirs = peer === FLOOR[0] ? floor() : samplesOf(samples, peer, subject);
  const found = spreadOf(
    own.map((value, round) =>
      relation === "ratio" ? value / theirs[round]! : value - theirs[round]!
    ),
  );
  const summary = summarise(own, better);
  const goal = row.goals[subject]!;
  return {
    part,
    title,
    subject,
    peer,
    unit,
    own: summary,
    theirs: summarise(theirs, better),
    relation,
    found,
    floor: row.starts ? summarise(floor(), "low").median / summary.median : null,
    goal,
    met: isMet(goal, found.median),
  };
}
