import type { Refusal } from "../protocol/decode.ts";
import type { Query } from "../protocol/packet.ts";

/** The longest pause between two reads of a query that has begun, in milliseconds. */
export const READ_TIMEOUT = 10_000;

/** How long bytes behind a query are read away before the connection is closed, in milliseconds. */
export const GOODBYE_TIMEOUT = 2_000;

/** What came of waiting for a query. */
export type Reading =
  | { readonly kind: "query"; readonly query: Query }
  | { readonly kind: "refused"; readonly reason: Refusal }
  | { readonly kind: "gave up"; readonly why: string };

/** What a client did, for a log line, and how far it had come with its query by then. */
export function gaveUp(what: string, length: number): Reading {
  const progress = length === 0 ? "before it sent anything" : `after ${length} bytes of a query`;
  return { kind: "gave up", why: `${what} ${progress}` };
}

/** What a silent client did. */
export const SILENT = "it was silent for too long";

/** What a client did that closed its connection. */
export const CLOSED = "it closed the connection";
