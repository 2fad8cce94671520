/**
 * Calls a function with each exception that is thrown in the event loop and not caught; a later call
 * replaces the function.
 */
export function catchUnexpected(act: (error: unknown) => void): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.removeAllListeners(event);
    process.on(event, act);
  }
}

/** An exception with its stack. */
export function traceOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}

/** The log line about an unexpected exception. */
export function describeUnexpected(error: unknown): string {
  return `Error: unexpected: ${traceOf(error).split("\n").map((line) => line.trim()).join(" ")}`;
}
