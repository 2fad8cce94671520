/**
 * Where the agent and the C agent answer a client differently on purpose. Each has its reason; see
 * docs/differences.md and docs/protocol.md.
 */
import { decodeQuery } from "../../lib/protocol/decode.ts";
import { BUFFER_LENGTH_AT, int32At, MAX_BUFFER, type Response } from "../../lib/protocol/packet.ts";

/** A difference, by its name in the tally. */
export type Difference = string;

interface Exception {
  readonly name: Difference;
  readonly why: string;
  readonly applies: (
    bytes: Uint8Array,
    ours: Response | undefined,
    theirs: Response | undefined,
    records: Records,
  ) => boolean;
}

/** What a client of TLS has sent. */
export interface Records {
  /** In how many records its bytes are. */
  readonly words: number;
  /** Whether records come after them. */
  readonly more: boolean;
  /** Whether such a record is not as the client made it. */
  readonly broken: boolean;
}

function hasMore(bytes: Uint8Array): boolean {
  const decoding = decodeQuery(bytes);
  return decoding.kind === "packet" && decoding.length < bytes.byteLength;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    name: "version 3",
    why: "C agents of 4.x refuse version 3",
    applies: (bytes, _, theirs) => bytes[1] === 3 && theirs === undefined,
  },
  {
    name: "longest buffer",
    why: "the C agent refuses a buffer of 65536 bytes",
    applies: (bytes, _ours, theirs) =>
      theirs === undefined && bytes.byteLength > MAX_BUFFER &&
      int32At(bytes, BUFFER_LENGTH_AT) === MAX_BUFFER,
  },
  {
    name: "several records",
    why: "the C agent wants all of a query in one record of TLS",
    applies: (_bytes, _ours, theirs, { words }) => words > 1 && theirs === undefined,
  },
  {
    name: "bytes after the query",
    why: "the C agent closes with bytes unread, and the reset may overtake its answer",
    applies: (bytes, _ours, theirs, { more }) => theirs === undefined && (more || hasMore(bytes)),
  },
  {
    name: "broken record after the query",
    why: "a record that was changed ends the connection; the C agent does not read it",
    applies: (_bytes, ours, _theirs, { broken }) => ours === undefined && broken,
  },
  {
    name: "long answer",
    why: "the C agent cuts long answers earlier, in the middle of a character too",
    applies: (_, ours, theirs) =>
      ours !== undefined && theirs !== undefined && ours.code === theirs.code &&
      ours.version === theirs.version && theirs.text.length > 1000 &&
      ours.text.startsWith(theirs.text),
  },
];

/**
 * The name of the exception by which two answers may differ.
 * @param bytes What the client has said.
 * @param records How, over TLS.
 */
export function excuseFor(
  bytes: Uint8Array,
  ours: Response | undefined,
  theirs: Response | undefined,
  records: Records = { words: 0, more: false, broken: false },
): Difference | undefined {
  return EXCEPTIONS.find(({ applies }) => applies(bytes, ours, theirs, records))?.name;
}
