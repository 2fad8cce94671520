/**
 * What is wrong with an access table, and where: the types that the checks share.
 */
import type { TablePlace } from "../table.ts";

/**
 * How bad it is: an `error` does not do what it says, a `warning` does more or less than it seems
 * to, and a `hint` works but rests on something that may fail.
 */
export type Severity = "error" | "warning" | "hint";

/** Something wrong with a piece of text. */
export interface Complaint {
  readonly severity: Severity;
  /** A short name that scripts can rely on, such as `host-bits-set`. */
  readonly code: string;
  /** What is wrong, without a full stop. */
  readonly message: string;
  /** What to do, without a full stop. */
  readonly suggestion?: string;
}

/** A place in a file. */
export interface FindingPlace {
  /** The physical line, from 1 on. */
  readonly line: number;
  /** The byte of that line, from 1 on. */
  readonly column: number;
  /** How many bytes of that line it is about. */
  readonly length: number;
  /** The offset of the line in the file, in bytes. */
  readonly lineStart: number;
}

/** A complaint with its place. */
export interface LintFinding extends Complaint {
  readonly file: string;
  /** Undefined where it is about the file as a whole. */
  readonly place: FindingPlace | undefined;
}

/** Findings that are only counted, because there are too many of their kind in one file. */
export interface Suppressed extends Pick<LintFinding, "file" | "code" | "severity"> {
  readonly count: number;
}

/** A piece of a logical line: its text and its offset in the line. */
export interface Piece {
  readonly text: string;
  readonly at: number;
}

/** Takes a complaint about `length` bytes at an offset of the text that is being checked. */
export type Report = (complaint: Complaint, at: number, length: number) => void;

/** Makes a complaint. */
export function complaint(
  severity: Severity,
  code: string,
  message: string,
  suggestion?: string,
): Complaint {
  return { severity, code, message, ...(suggestion === undefined ? {} : { suggestion }) };
}

/**
 * The physical place of an offset in a logical line, whose backslash-newlines are gone.
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
