import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { PluginEnd } from "../command/outcome.ts";
import { decodeQuery } from "../protocol/decode.ts";
import { conclude, consider, giveUp, refuse, type Session } from "../session.ts";
import { now } from "../system/libc.ts";
import { CLOSED, gaveUp, GOODBYE_TIMEOUT, READ_TIMEOUT, type Reading, SILENT } from "./reading.ts";

/** Runs the command line that a query has led to. */
export interface Run {
  (line: string): Promise<PluginEnd>;
}

/**
 * Holds one conversation over a stream, plain or TLS, while the event loop holds others. The stream
 * is closed, or closing, at the end; nothing that the client does makes the promise fail.
 *
 * @param deadline When the query must have come, in milliseconds of {@link now}.
 */
export async function converseEvented(
  session: Session,
  stream: Duplex,
  deadline: number,
  run: Run,
): Promise<void> {
  const reading = await readQuery(stream, deadline);
  switch (reading.kind) {
    case "gave up":
      giveUp(session, reading.why);
      return void stream.destroy();
    case "refused":
      refuse(session, reading.reason);
      return void stream.destroy();
  }
  const step = consider(session, reading.query);
  if (step.kind === "close") return void stream.destroy();
  const response = step.kind === "answer"
    ? step.response
    : conclude(session, reading.query.version, await run(step.line));
  const { ssl_shutdown_timeout } = session.config;
  const patience = stream instanceof TLSSocket ? ssl_shutdown_timeout * 1000 : GOODBYE_TIMEOUT;
  await sayGoodbye(stream, patience, response);
}

/**
 * Ends a stream, with last words if there are some, and waits until the client ends it too, but not for
 * long; what it still sends is dropped.
 * @param patience In milliseconds.
 */
export async function sayGoodbye(
  stream: Duplex,
  patience: number,
  words?: Uint8Array,
): Promise<void> {
  stream.end(words);
  if (stream.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patience);
  stream.on("close", resolve);
  stream.resume();
  await promise;
  clearTimeout(timer);
  stream.destroy();
}

/** Reads a query that is to be whole at a deadline, without a pause of more than 10 seconds. */
function readQuery(stream: Duplex, deadline: number): Promise<Reading> {
  const { promise, resolve } = Promise.withResolvers<Reading>();
  let buffer = new Uint8Array(0);
  let length = 0;
  let timer = setTimeout(silent, deadline - now());
  function silent(): void {
    settle(gaveUp(SILENT, length));
  }
  function settle(reading: Reading): void {
    clearTimeout(timer);
    stream.off("data", take).off("end", closed).off("close", closed).off("error", failed);
    resolve(reading);
  }
  function take(chunk: Uint8Array): void {
    if (length + chunk.byteLength > buffer.byteLength) {
      // Twice as much as is there, so that a query in many small pieces is not copied for each.
      const larger = new Uint8Array(2 * length + chunk.byteLength);
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(chunk, length);
    length += chunk.byteLength;
    const decoding = decodeQuery(buffer.subarray(0, length));
    if (decoding.kind === "packet") return settle({ kind: "query", query: decoding.packet });
    if (decoding.kind === "refused") return settle(decoding);
    clearTimeout(timer);
    timer = setTimeout(silent, Math.min(deadline - now(), READ_TIMEOUT));
  }
  function closed(): void {
    settle(gaveUp(CLOSED, length));
  }
  function failed(error: Error): void {
    settle(gaveUp(error.message, length));
  }
  stream.on("data", take).on("end", closed).on("close", closed).on("error", failed);
  stream.resume();
  return promise;
}
