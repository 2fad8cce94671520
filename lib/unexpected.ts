/** What an exception says, and where it came from. */
export function traceOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}

/** The log line about an exception that nobody was prepared for. */
export function describeUnexpected(error: unknown): string {
  return `Error: unexpected: ${traceOf(error).split("\n").map((line) => line.trim()).join(" ")}`;
}
