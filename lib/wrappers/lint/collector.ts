/**
 * Collects the findings of a file, of which a table of a million lines may have millions.
 */
import type { TablePlace } from "../table.ts";
import type { Code } from "./catalogue.ts";
import {
  type LintFinding,
  type LintSeverity,
  placeInFile,
  type ReportAt,
  type Suppressed,
} from "./finding.ts";

/** The findings of one file. */
export interface Collector {
  readonly listed: readonly LintFinding[];
  /** Reports about the line at `start`. Of errors at one offset only the first is kept. */
  readonly reportFrom: (start: TablePlace) => ReportAt;
  /** What is only counted, when all has been reported. */
  readonly suppressed: () => readonly Suppressed[];
}

/**
 * Begins a file.
 *
 * @param most The most findings of one code that are listed; the rest is counted.
 */
export function makeCollector(file: string, text: string, most: number): Collector {
  const listed: LintFinding[] = [];
  const counts = new Map<Code, { readonly severity: LintSeverity; count: number }>();
  return {
    listed,
    reportFrom(start) {
      let wrong: Set<number> | undefined;
      return (found, at, length) => {
        const { code, severity } = found;
        if (severity === "error") {
          if (wrong?.has(at)) return;
          (wrong ??= new Set()).add(at);
        }
        let kind = counts.get(code);
        if (kind === undefined) counts.set(code, kind = { severity, count: 0 });
        if (++kind.count > most) return;
        listed.push({ ...found, file, place: placeInFile(text, start, at, length) });
      };
    },
    suppressed: () =>
      [...counts].flatMap(([code, { severity, count }]) =>
        count > most ? [{ file, code, severity, count: count - most }] : []
      ),
  };
}
