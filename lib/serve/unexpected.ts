/**
 * Hands exceptions that are thrown in an event loop, where nobody calls and could catch them, to a
 * function, the last that was named here.
 */
export function catchUnexpected(act: (error: unknown) => void): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.removeAllListeners(event);
    process.on(event, act);
  }
}

/** What an exception says, and where it came from. */
export function traceOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}

/** The log line about an exception that nobody was prepared for. */
export function describeUnexpected(error: unknown): string {
  return `Error: unexpected: ${traceOf(error).split("\n").map((line) => line.trim()).join(" ")}`;
}
