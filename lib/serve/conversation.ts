import {
  NOT_EXECUTABLE,
  NOT_FOUND,
  type Outcome,
  outcomeOf,
  type PluginEnd,
} from "../command/outcome.ts";
import type { CommandLine } from "../command/program.ts";
import { type CommandRequest, type DefinedCommand, readRequest } from "../command/request.ts";
import { isRestricted } from "../config/restrictions.ts";
import { Severity } from "../log.ts";
import { isClientHello } from "../protocol/client_hello.ts";
import { decodeQuery, type PacketError } from "../protocol/decode.ts";
import { encodeResponse } from "../protocol/encode.ts";
import type { PacketVersion, Query, ResultCode } from "../protocol/packet.ts";
import { now } from "../system/libc.ts";
import type { Arrival } from "../system/stream.ts";
import type { Explanation } from "./explain_refusal.ts";
import type { Asker } from "./restrict_request.ts";
import { VERSION } from "../version.ts";

/** What carries the bytes of a conversation: a blocking socket, or a stream of an event loop. */
export interface Wire {
  /**
   * Waits for bytes.
   * @param deadline In milliseconds of {@link now}.
   */
  readonly receive: (deadline: number) => Arrival | Promise<Arrival>;
  /**
   * Sends the response and ends the connection.
   * @param deadline When the client must have taken it, in milliseconds of {@link now}.
   * @param more Whether the client may still be sending: closing the connection would then reset it,
   * and the response might be lost.
   * @returns Why it could not be sent, as far as that is known and not up to the client.
   */
  readonly respond: (
    response: Uint8Array,
    deadline: number,
    more?: boolean,
  ) => string | undefined | Promise<string | undefined>;
  /** Closes the connection, if it is still open. */
  readonly close: () => void;
}

/** One conversation with an admitted client. */
export interface Session extends Asker {
  /** When the query must have arrived, in milliseconds of {@link now}. */
  readonly deadline: number;
  /** Runs a command line within its limits. */
  readonly run: (line: CommandLine) => PluginEnd | Promise<PluginEnd>;
}

/** How long a client may take to end a plain connection after the response, in milliseconds. */
export const LINGER_TIMEOUT = 2_000;

/** The longest pause between two reads of a query that has begun, in milliseconds. */
const READ_TIMEOUT = 10_000;

/** How a conversation ended: with a response, without a query, or with an invalid one. */
export type ConversationEnd =
  | {
    readonly kind: "answered";
    readonly version: PacketVersion;
    /** The name of the command that the client has asked for. */
    readonly command: string;
    readonly code: ResultCode;
    /** The length of the response. */
    readonly bytes: number;
  }
  | { readonly kind: "no query" }
  | {
    readonly kind: "invalid query";
    /** What the client was told; undefined where it was told nothing. */
    readonly response?: Explanation;
  };

/**
 * Holds a conversation: one query in, one response out. A client that sends no query gets no response,
 * and nor does one that sends an invalid query, unless `explain_refusals` is set; the log says why. The
 * caller closes the connection.
 */
export async function converse(session: Session, wire: Wire): Promise<ConversationEnd> {
  const reading = await readQuery(wire, session.deadline);
  if (reading.kind === "unread") {
    logUnread(session, reading.why);
    return { kind: "no query" };
  }
  if (reading.kind === "refused") {
    const { reason, received } = reading;
    logRefused(session, reading);
    if (!session.config.explain_refusals || reason === "version") return { kind: "invalid query" };
    const { explainPacket } = await import("./explain_refusal.ts");
    const response = explainPacket(received, REFUSALS[reason]);
    await respond(session, wire, response.bytes, true);
    return { kind: "invalid query", response };
  }
  const { query } = reading;
  let request = readRequest(query.text, session.config);
  let logRefusal: (() => void) | undefined;
  const { commandSettings } = session.config;
  // An undefined command takes the same way as one that is not for this client, and so does a request
  // that is invalid: it may be so for its command alone.
  const mayBeRestricted = commandSettings.size > 0 &&
    (request.kind !== "command" || isRestricted(commandSettings.get(request.name)));
  if (mayBeRestricted) {
    const { restrictRequest } = await import("./restrict_request.ts");
    const restricted = await restrictRequest(session, query.text);
    if (restricted !== undefined) ({ request, logRefusal } = restricted);
  }
  if (request.kind === "invalid") {
    logInvalid(session, request.reason);
    if (!session.config.explain_refusals) return { kind: "invalid query" };
    const { explainRefusal } = await import("./explain_refusal.ts");
    const response = explainRefusal(query.version, request.reason);
    await respond(session, wire, response.bytes);
    return { kind: "invalid query", response };
  }
  const outcome = await outcomeFor(session, request);
  session.log(Severity.debug, `Return Code: ${outcome.code}, Output: ${outcome.text}`);
  const response = encodeResponse({ version: query.version, ...outcome });
  await respond(session, wire, response);
  logRefusal?.();
  return {
    kind: "answered",
    version: query.version,
    command: request.name,
    code: outcome.code,
    bytes: response.byteLength,
  };
}

/** When the client must have taken a response. */
function responseDeadline({ config }: Session): number {
  return now() + config.connection_timeout * 1000;
}

/** Sends a response, and logs why it could not be sent. */
async function respond(
  session: Session,
  wire: Wire,
  response: Uint8Array,
  more = false,
): Promise<void> {
  const unsent = await wire.respond(response, responseDeadline(session), more);
  if (unsent === undefined) return;
  const { log, peer } = session;
  log(Severity.error, `Error: Could not send response to client ${peer}: ${unsent}`);
}

/** A query, or why there is none. */
type Reading =
  | { readonly kind: "query"; readonly query: Query }
  | { readonly kind: "refused"; readonly reason: PacketError; readonly received: Uint8Array }
  | { readonly kind: "unread"; readonly why: string };

/** Reads a query; all of it must arrive by a deadline, without a pause of more than 10 seconds. */
async function readQuery(wire: Wire, deadline: number): Promise<Reading> {
  let buffer: Uint8Array | undefined;
  for (let length = 0;;) {
    const pause = now() + READ_TIMEOUT;
    const arrival = await wire.receive(length === 0 || deadline < pause ? deadline : pause);
    if (arrival.kind !== "bytes") return unread(arrival, length);
    buffer = append(buffer, length, arrival.bytes);
    length += arrival.bytes.byteLength;
    const decoding = decodeQuery(buffer.subarray(0, length));
    if (decoding.kind === "packet") return { kind: "query", query: decoding.packet };
    if (decoding.kind === "refused") {
      return { ...decoding, received: buffer.subarray(0, length) };
    }
  }
}

/** A buffer that holds some more bytes; `length` is how many it holds already. */
function append(
  buffer: Uint8Array | undefined,
  length: number,
  bytes: Uint8Array,
): Uint8Array {
  // Most queries come in one piece.
  if (buffer === undefined) return bytes;
  let larger = buffer;
  if (length + bytes.byteLength > buffer.byteLength) {
    // Twice as much as is there, so that a query in many small pieces is not copied for each.
    larger = new Uint8Array(2 * length + bytes.byteLength);
    larger.set(buffer.subarray(0, length));
  }
  larger.set(bytes, length);
  return larger;
}

function unread(arrival: Exclude<Arrival, { readonly kind: "bytes" }>, length: number): Reading {
  const progress = length === 0 ? "before it sent anything" : `after ${length} bytes of a query`;
  switch (arrival.kind) {
    case "timed out":
      return { kind: "unread", why: `it was silent for too long ${progress}` };
    case "closed":
      return { kind: "unread", why: `it closed the connection ${progress}` };
    case "failed":
      return { kind: "unread", why: `${arrival.reason} ${progress}` };
  }
}

const REFUSALS: Readonly<Record<PacketError, string>> = {
  "version": "Request packet version was invalid!",
  "buffer length": "Received packet with invalid buffer size",
  "checksum": "Request packet had invalid CRC32.",
  "type": "Request packet type was invalid!",
};

/** Logs why the bytes of a client are no query. */
function logRefused(
  session: Session,
  { reason, received }: Reading & { readonly kind: "refused" },
): void {
  logInvalid(session, REFUSALS[reason]);
  if (reason !== "version" || !isClientHello(received)) return;
  const { config, log, peer } = session;
  const plain = config.ssl_enabled ? "the agent's option -n" : "ssl_enabled=0 in nrpe.cfg";
  const cure = `use check_nrpe with -n, or do without ${plain}`;
  log(Severity.error, `Error: Client ${peer} speaks TLS, and this service is plain: ${cure}`);
}

function logUnread({ log, peer }: Session, why: string): void {
  log(Severity.error, `Could not read request from client ${peer}, bailing out... (${why})`);
}

function logInvalid({ log, peer }: Session, reason: string): void {
  log(Severity.error, `Error: ${reason}`);
  log(Severity.error, `Client request from ${peer} was invalid, bailing out...`);
}

/**
 * Answers a request. Debug lines show the command's definition, without arguments: they may be
 * secrets.
 */
async function outcomeFor(
  session: Session,
  request: Exclude<CommandRequest, { readonly kind: "invalid" }>,
): Promise<Outcome> {
  const { log, peer } = session;
  log(Severity.debug, `Host ${peer} is asking for command '${request.name}' to be run...`);
  switch (request.kind) {
    case "version":
      return { code: 0, text: `NRPE v${VERSION}` };
    case "undefined command":
      return { code: 3, text: `NRPE: Command '${request.name}' not defined` };
    case "command":
      return await runCommand(session, request);
  }
}

async function runCommand(
  { log, run }: Session,
  { name, definition, line }: DefinedCommand,
): Promise<Outcome> {
  log(Severity.debug, `Running command: ${definition}`);
  const end = await run(line);
  const outcome = outcomeOf(end);
  if (isUnusual(end)) {
    const { explainEnd } = await import("../command/explain_end.ts");
    for (const message of explainEnd(name, line, end)) log(Severity.error, message);
  }
  const { code, text } = outcome;
  log(Severity.debug, `Command completed with return code ${code} and output: ${text}`);
  return outcome;
}

/** Whether the log explains an end. */
function isUnusual(end: PluginEnd): boolean {
  switch (end.kind) {
    case "exited":
      return end.status === NOT_EXECUTABLE || end.status === NOT_FOUND ||
        end.unread !== undefined;
    case "timed out":
      return end.left !== undefined;
    case "not started":
      return true;
    case "killed":
      return end.unread !== undefined;
  }
}
