import { pluginEnvironment } from "../command/environment.ts";
import { runBlocking } from "../command/run_blocking.ts";
import { decodeQuery } from "../protocol/decode.ts";
import type { Query } from "../protocol/packet.ts";
import { conclude, consider, giveUp, refuse, type Session } from "../session.ts";
import { describeErrno, now } from "../system/libc.ts";
import { type Failure, receive, sayGoodbye, send } from "../system/socket.ts";
import { CLOSED, gaveUp, GOODBYE_TIMEOUT, READ_TIMEOUT, type Reading, SILENT } from "./reading.ts";

/** Most queries fit; a longer one announces its length. In bytes. */
const USUAL_QUERY = 2048;

/**
 * Holds one plain conversation over a connected socket, blocking the process.
 *
 * There is no event loop: under inetd, nowait, the process has one client and one plugin, and loading
 * the loop costs more than all of the rest.
 *
 * @param fd The connected socket.
 * @param variables Additions to the environment of plugins, `NAME=value` each.
 */
export function converse(session: Session, fd: number, variables: readonly string[]): void {
  const reading = readQuery(fd, session.config.connection_timeout);
  switch (reading.kind) {
    case "gave up":
      return giveUp(session, reading.why);
    case "refused":
      return refuse(session, reading.reason);
    case "query":
      return answer(session, fd, reading.query, variables);
  }
}

function answer(session: Session, fd: number, query: Query, variables: readonly string[]): void {
  const { config } = session;
  const step = consider(session, query);
  if (step.kind === "close") return;
  let response: Uint8Array;
  if (step.kind === "answer") response = step.response;
  else {
    const environment = pluginEnvironment(variables);
    const end = runBlocking(step.line, environment, config.command_timeout);
    response = conclude(session, query.version, end);
  }
  const failure = send(fd, response, now() + config.connection_timeout * 1000);
  if (failure === undefined) sayGoodbye(fd, now() + GOODBYE_TIMEOUT);
}

/** Reads a query: begun and ended within `patience` seconds, without a pause of more than 10. */
function readQuery(fd: number, patience: number): Reading {
  const deadline = now() + patience * 1000;
  let buffer = new Uint8Array(USUAL_QUERY);
  for (let length = 0;;) {
    const decoding = decodeQuery(buffer.subarray(0, length));
    if (decoding.kind === "packet") return { kind: "query", query: decoding.packet };
    if (decoding.kind === "refused") return decoding;
    if (decoding.length > buffer.byteLength) {
      const larger = new Uint8Array(decoding.length);
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    const pause = now() + READ_TIMEOUT;
    const until = length === 0 || deadline < pause ? deadline : pause;
    const received = receive(fd, buffer.subarray(length), until);
    if (received.kind === "bytes") length += received.count;
    else return gaveUp(explain(received), length);
  }
}

function explain(failure: Failure): string {
  switch (failure.kind) {
    case "timed out":
      return SILENT;
    case "closed":
      return CLOSED;
    case "failed":
      return describeErrno(failure.errno);
  }
}
