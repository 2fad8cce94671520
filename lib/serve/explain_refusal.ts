/** What a client is told about an invalid query, with `explain_refusals`. */
import { encodeResponse } from "../protocol/encode.ts";
import { int16At, type PacketVersion } from "../protocol/packet.ts";

/** A response to an invalid query. */
export interface Explanation {
  readonly version: PacketVersion;
  readonly bytes: Uint8Array;
}

/** Explains a refusal in the version of the query, in words that hold nothing of it. */
export function explainRefusal(version: PacketVersion, reason: string): Explanation {
  return { version, bytes: encodeResponse({ version, code: 3, text: `NRPE: ${reason}` }) };
}

/**
 * The same for bytes that are no query.
 * @param received They begin with a version that is known.
 */
export function explainPacket(received: Uint8Array, reason: string): Explanation {
  return explainRefusal(int16At(received, 0) as PacketVersion, reason);
}
