/**
 * Findings and their places.
 */
import type { TablePlace } from "../table.ts";
import {
  type CaseName,
  CATALOGUE,
  type Code,
  LOOK_THEM_UP,
  type Row,
  type Values,
} from "./catalogue.ts";

/** How bad a problem is; the catalogue says what each means. */
export type LintSeverity = "error" | "warning" | "hint";

/** A case of the catalogue, its values filled in, without a place. */
export interface Problem {
  readonly severity: LintSeverity;
  readonly code: Code;
  /** What is wrong, without a full stop. */
  readonly message: string;
  /** What to do, without a full stop. */
  readonly suggestion?: string;
}

/** Makes a problem from a case of the catalogue and the values in its texts. */
export function problem<Name extends CaseName>(name: Name, ...[values]: Values<Name>): Problem {
  const row: Row = CATALOGUE[name];
  const [severity, message] = "error" in row
    ? ["error", row.error] as const
    : "warning" in row
    ? ["warning", row.warning] as const
    : ["hint", row.hint] as const;
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_, key) => String((values as Record<string, unknown>)[key]));
  const { suggestion } = row;
  // Of a hundred thousand problems a few are shown, and the others counted.
  return {
    severity,
    code: name.split("/", 1)[0] as Code,
    get message() {
      return fill(message);
    },
    ...(suggestion === undefined ? {} : {
      get suggestion() {
        return fill(suggestion);
      },
    }),
  };
}

/** A finding without the advice to look names up. */
export function whereLookedUp<Finding extends Problem>(finding: Finding): Finding {
  const at = finding.suggestion?.indexOf(LOOK_THEM_UP) ?? -1;
  return at < 0 ? finding : { ...finding, suggestion: finding.suggestion!.slice(0, at) };
}

/** A place in a file. */
export interface FindingPlace {
  /** The physical line, from 1 on. */
  readonly line: number;
  /** The byte of that line, from 1 on. */
  readonly column: number;
  /** The number of bytes. */
  readonly length: number;
  /** The offset of the line in the file, in bytes. */
  readonly lineStart: number;
}

/** A problem and its place. */
export interface LintFinding extends Problem {
  readonly file: string;
  /** Undefined if the finding is about the file as a whole. */
  readonly place: FindingPlace | undefined;
}

/** A finding as it is printed, whichever catalogue its code is of. */
export interface PrintedFinding extends Omit<LintFinding, "code"> {
  readonly code: string;
}

/** A finding about a file as a whole. */
export function fileFinding(file: string, problem: Problem): LintFinding {
  return { ...problem, file, place: undefined };
}

/** Findings that are only counted, since too many in the file have their code. */
export interface Suppressed extends Pick<LintFinding, "file" | "code" | "severity"> {
  readonly count: number;
}

/** A piece of a logical line: its text and its offset in the line. */
export interface Piece {
  readonly text: string;
  readonly at: number;
}

/** Reports a problem with `length` bytes at an offset of the logical line. */
export type ReportAt = (problem: Problem, at: number, length: number) => void;

/** Reports a case of the catalogue about a piece. */
export type Report = <Name extends CaseName>(name: Name, ...values: Values<Name>) => void;

/** Makes the report about a piece. */
export function about({ text, at }: Piece, report: ReportAt): Report {
  return (name, ...values) => report(problem(name, ...values), at, text.length);
}

/**
 * The physical place of an offset in a logical line, which holds no backslash-newlines.
 *
 * @param file The whole file.
 * @param start Where the logical line begins.
 */
export function placeInFile(
  file: string,
  start: TablePlace,
  at: number,
  length: number,
): FindingPlace {
  let lineStart = start.offset;
  let line = start.line + 1;
  let rest = at;
  for (;;) {
    const newline = file.indexOf("\n", lineStart);
    const end = newline < 0 ? file.length : newline;
    const joined = newline > lineStart && file[newline - 1] === "\\" ? end - 1 : end;
    if (rest < joined - lineStart || joined === end) {
      const room = joined - lineStart - rest;
      return { line, column: rest + 1, length: Math.max(1, Math.min(length, room)), lineStart };
    }
    rest -= joined - lineStart;
    lineStart = end + 1;
    line++;
  }
}
