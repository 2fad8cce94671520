import { type Outcome, outcomeOf, type PluginEnd } from "./command/outcome.ts";
import { readRequest } from "./command/request.ts";
import type { Config } from "./config/config.ts";
import { type Log, Severity } from "./log.ts";
import type { Refusal } from "./protocol/decode.ts";
import { encodeResponse } from "./protocol/encode.ts";
import type { PacketVersion, Query } from "./protocol/packet.ts";
import { VERSION } from "./version.ts";

/**
 * One conversation, whoever carries its bytes: what is said, and what the log says about it. The
 * parts are called in this order by the one that reads, runs and writes.
 */
export interface Session {
  readonly config: Config;
  readonly log: Log;
  /** The client's address. */
  readonly peer: string;
}

/** What a query leads to. */
export type Consideration =
  /** Run this command line, and {@link conclude}. */
  | { readonly kind: "run"; readonly line: string }
  | { readonly kind: "answer"; readonly response: Uint8Array }
  /** Close the connection without a word. */
  | { readonly kind: "close" };

const REFUSALS: Readonly<Record<Refusal, string>> = {
  "version": "Error: Request packet version was invalid!",
  "buffer length": "Error: Received packet with invalid buffer size",
  "checksum": "Error: Request packet had invalid CRC32.",
  "type": "Error: Request packet type was invalid!",
};

/** Logs why the bytes of a client are no query; the connection is to be closed. */
export function refuse(session: Session, reason: Refusal): void {
  logInvalid(session, REFUSALS[reason]);
}

/** Logs that a client sent no whole query, and why; the connection is to be closed. */
export function giveUp({ log, peer }: Session, why: string): void {
  log(Severity.error, `Could not read request from client ${peer}, bailing out... (${why})`);
}

/** Decides what a query leads to. */
export function consider(session: Session, query: Query): Consideration {
  const { config, log, peer } = session;
  const request = readRequest(query.text, config);
  if (request.kind === "invalid") {
    logInvalid(session, `Error: ${request.reason}`);
    return { kind: "close" };
  }
  log(Severity.debug, `Host ${peer} is asking for command '${query.text}' to be run...`);
  switch (request.kind) {
    case "version":
      return answer(session, query.version, { code: 0, text: `NRPE v${VERSION}` });
    case "undefined command": {
      const text = `NRPE: Command '${request.name}' not defined`;
      return answer(session, query.version, { code: 3, text });
    }
    case "command":
      log(Severity.debug, `Running command: ${request.line}`);
      return { kind: "run", line: request.line };
  }
}

/** The response to a query whose command has ended. */
export function conclude(session: Session, version: PacketVersion, end: PluginEnd): Uint8Array {
  if (end.kind === "not started") {
    session.log(Severity.error, `Error: could not start a command: ${end.reason}`);
  }
  const outcome = outcomeOf(end);
  const { code, text } = outcome;
  session.log(Severity.debug, `Command completed with return code ${code} and output: ${text}`);
  return respond(session, version, outcome);
}

function answer(session: Session, version: PacketVersion, outcome: Outcome): Consideration {
  return { kind: "answer", response: respond(session, version, outcome) };
}

function respond({ log }: Session, version: PacketVersion, { code, text }: Outcome): Uint8Array {
  log(Severity.debug, `Return Code: ${code}, Output: ${text}`);
  return encodeResponse({ version, code, text });
}

function logInvalid({ log, peer }: Session, message: string): void {
  log(Severity.error, message);
  log(Severity.error, `Client request from ${peer} was invalid, bailing out...`);
}
