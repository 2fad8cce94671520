import { decodeBytes } from "../bytes.ts";
import { resultCodeOf } from "../protocol/decode.ts";
import type { ResultCode } from "../protocol/packet.ts";
import type { Started } from "../system/process.ts";

/** Exit statuses of a shell for a program that cannot be executed, or found (POSIX, 2.8.2). */
export const NOT_EXECUTABLE = 126;
export const NOT_FOUND = 127;

/** How a plugin ended, and what it had written to its standard output by then. */
export type PluginEnd =
  | { readonly kind: "exited"; readonly status: number; readonly output: Uint8Array }
  | { readonly kind: "killed"; readonly signal: number; readonly output: Uint8Array }
  /** `left` is what could not be ended. */
  | { readonly kind: "timed out"; readonly seconds: number; readonly left?: Started }
  | { readonly kind: "not started"; readonly reason: string };

/** What a plugin's end says to the monitoring server. */
export interface Outcome {
  readonly code: ResultCode;
  readonly text: string;
}

/**
 * The answer for a plugin's end, by the reference's rules: exit status 0 to 3 counts as it is and any
 * other as UNKNOWN, death by a signal is CRITICAL, no output is UNKNOWN. One newline at the end of
 * the output is dropped.
 */
export function outcomeOf(end: PluginEnd): Outcome {
  switch (end.kind) {
    case "timed out":
      return { code: 3, text: `NRPE: Command timed out after ${end.seconds} seconds` };
    case "not started":
      return { code: 3, text: `NRPE: Unable to start command: ${end.reason}` };
    case "exited":
      return outcomeOfOutput(resultCodeOf(end.status), end.output);
    case "killed":
      return outcomeOfOutput(2, end.output);
  }
}

function outcomeOfOutput(code: ResultCode, output: Uint8Array): Outcome {
  const text = decodeBytes(output);
  // Clients read up to the first NUL: output that begins with one is none.
  if (text === "" || text.charCodeAt(0) === 0) {
    return { code: 3, text: "NRPE: Unable to read output" };
  }
  return { code, text: text.endsWith("\n") ? text.slice(0, -1) : text };
}
