/** How bad a finding is. A problem keeps checks from being answered, or answers those it should not. */
export type Status = "ok" | "hint" | "warning" | "problem";

/** What a station of the way has found. */
export interface DoctorFinding {
  readonly status: Status;
  /** Names the kind of finding, for programs. */
  readonly code: string;
  /** What is so, without a full stop. */
  readonly message: string;
  /** The file and line with its text, or what was seen. */
  readonly evidence: string;
  /** A line to copy, into the file of the evidence or into a shell. */
  readonly fix: string | null;
}

/** What a finding rests on, and what mends it. */
interface Grounds {
  readonly evidence: string;
  readonly fix?: string | undefined;
}

type Make = (code: string, message: string, grounds: Grounds) => DoctorFinding;

function make(status: Status): Make {
  return (code, message, { evidence, fix }) => ({
    status,
    code,
    message,
    evidence,
    fix: fix ?? null,
  });
}

export const ok: Make = make("ok");
export const hint: Make = make("hint");
export const warning: Make = make("warning");
export const problem: Make = make("problem");

/** A line of a file as evidence. */
export function lineOf(file: string, line: number, text: string): string {
  return `${file}:${line}: ${text.trim()}`;
}
