import type { PluginEnd } from "../command/outcome.ts";
import { decodeQuery } from "../protocol/decode.ts";
import { conclude, consider, giveUp, refuse, type Session } from "../session.ts";
import { now } from "../system/libc.ts";
import type { Arrival, Stream } from "../system/stream.ts";
import { CLOSED, gaveUp, READ_TIMEOUT, type Reading, SILENT } from "./reading.ts";

/** Runs the command line that a query has led to. */
export interface Run {
  (line: string): PluginEnd | Promise<PluginEnd>;
}

/** How long a client is waited for. */
export interface Times {
  /** When its query must have come, in milliseconds of {@link now}. */
  readonly deadline: number;
  /** How long it may take to end the connection after the response, in milliseconds. */
  readonly patience: number;
}

/**
 * Holds one conversation over a stream, plain or TLS, while the event loop holds others. The stream
 * is closed at the end; nothing that the client does makes the promise fail.
 */
export async function converseEvented(
  session: Session,
  stream: Stream,
  { deadline, patience }: Times,
  run: Run,
): Promise<void> {
  const reading = await readQuery(stream, deadline);
  switch (reading.kind) {
    case "gave up":
      giveUp(session, reading.why);
      return stream.close();
    case "refused":
      refuse(session, reading.reason);
      return stream.close();
  }
  const step = consider(session, reading.query);
  if (step.kind === "close") return stream.close();
  const response = step.kind === "answer"
    ? step.response
    : conclude(session, reading.query.version, await run(step.line));
  await sayGoodbye(stream, patience, response);
}

const NOTHING = new Uint8Array(0);

/**
 * Ends a stream, with last words if there are some, and waits until the client ends it too, but not for
 * long; what it still sends is dropped.
 * @param patience In milliseconds.
 */
export async function sayGoodbye(
  stream: Stream,
  patience: number,
  words: Uint8Array = NOTHING,
): Promise<void> {
  const deadline = now() + patience;
  await stream.finish(words, deadline);
  while ((await stream.receive(deadline)).kind === "bytes");
  stream.close();
}

/** Reads a query that is to be whole at a deadline, without a pause of more than 10 seconds. */
async function readQuery(stream: Stream, deadline: number): Promise<Reading> {
  let buffer = NOTHING;
  for (let length = 0;;) {
    const until = length === 0 ? deadline : Math.min(deadline, now() + READ_TIMEOUT);
    const arrival = await stream.receive(until);
    if (arrival.kind !== "bytes") return gaveUp(explain(arrival), length);
    const { bytes } = arrival;
    if (length + bytes.byteLength > buffer.byteLength) {
      // Twice as much as is there, so that a query in many small pieces is not copied for each.
      const larger = new Uint8Array(2 * length + bytes.byteLength);
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(bytes, length);
    length += bytes.byteLength;
    const decoding = decodeQuery(buffer.subarray(0, length));
    if (decoding.kind === "packet") return { kind: "query", query: decoding.packet };
    if (decoding.kind === "refused") return decoding;
  }
}

function explain(arrival: Exclude<Arrival, { readonly kind: "bytes" }>): string {
  switch (arrival.kind) {
    case "timed out":
      return SILENT;
    case "closed":
      return CLOSED;
    case "failed":
      return arrival.reason;
  }
}
