import { userAtHost } from "./expand.ts";
import type { Request } from "./request.ts";

/** A line about a verdict, and its level unless `severity` sets one. */
export interface VerdictLine {
  readonly level: "info" | "warning";
  readonly text: string;
}

/** The line that tcpd logs for a client that it lets in or keeps out (observed, 7.6.q-32). */
export function verdictLine(verdict: "granted" | "denied", request: Request): VerdictLine {
  const who = `${userAtHost(request)} (${request.client.address})`;
  return verdict === "granted"
    ? { level: "info", text: `connect from ${who}` }
    : { level: "warning", text: `refused connect from ${who}` };
}

/** The line that tcpd logs before it becomes the command of `twist`. */
export function twistLine(command: string, request: Request): VerdictLine {
  return { level: "warning", text: `twist ${userAtHost(request)} to ${command}` };
}
