import { decodeBytes } from "../bytes.ts";
import { resultCodeOf } from "../protocol/decode.ts";
import type { ResultCode } from "../protocol/packet.ts";
import type { Started } from "../system/process.ts";

/** Exit statuses of a shell for a program that cannot be executed, or found (POSIX, 2.8.2). */
export const NOT_EXECUTABLE = 126;
export const NOT_FOUND = 127;

/**
 * How a plugin ended, and its output until then; `unread` is why the rest of it could not be read, if
 * it could not.
 */
export type PluginEnd =
  | {
    readonly kind: "exited";
    readonly status: number;
    readonly output: Uint8Array;
    /** Why there was nothing to exit: the error with which the program could not be executed. */
    readonly failure?: string;
    readonly unread?: string | undefined;
  }
  | {
    readonly kind: "killed";
    readonly signal: number;
    readonly output: Uint8Array;
    readonly unread?: string | undefined;
  }
  /** `left` is the process group that could not be killed. */
  | { readonly kind: "timed out"; readonly seconds: number; readonly left?: Started }
  | { readonly kind: "not started"; readonly reason: string };

/** The result of a plugin, as it is sent to the client. */
export interface Outcome {
  readonly code: ResultCode;
  readonly text: string;
}

/**
 * The outcome of a plugin's end, as from the C agent: exit statuses 0 to 3 stay, any other is UNKNOWN,
 * death by a signal is CRITICAL, no output is UNKNOWN. A newline at the end of the output is dropped.
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
  // Clients read up to the first NUL, so output that begins with one counts as none.
  if (text === "" || text.charCodeAt(0) === 0) {
    return { code: 3, text: "NRPE: Unable to read output" };
  }
  return { code, text: text.endsWith("\n") ? text.slice(0, -1) : text };
}
