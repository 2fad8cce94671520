import { encodeBytes } from "../bytes.ts";
import {
  BUFFER_LENGTH_AT,
  CHECKSUM_AT,
  checksumOf,
  layoutOf,
  longestText,
  PacketType,
  type PacketVersion,
  putInt16,
  putInt32,
  type Query,
  type Response,
  RESULT_CODE_AT,
} from "./packet.ts";
import { truncate } from "./truncate.ts";

/** The queries of check_nrpe are at least as long as a packet of version 2. */
const SHORTEST_QUERY_BUFFER = { 2: 1024, 3: 1017, 4: 1020 } as const;

/**
 * Encodes a response. Text ends at its first NUL, and is truncated to what the version carries, in
 * UTF-8 at a character's boundary. Padding is zero.
 */
export function encodeResponse({ version, code, text }: Response): Uint8Array {
  const bytes = encodeBytes(truncate(text, longestText(version)));
  // The buffer length includes the text's NUL in version 4, but not in version 3. There it is 1 for an
  // empty text, since peers refuse 0.
  const bufferLength = version === 3 ? bytes.byteLength || 1 : bytes.byteLength + 1;
  return encode(version, PacketType.response, code, bytes, bufferLength);
}

/**
 * Encodes a query, in a buffer as long as check_nrpe's or longer.
 * @throws {RangeError} when the text does not fit into a packet of that version.
 */
export function encodeQuery({ version, text }: Query): Uint8Array {
  const bytes = encodeBytes(text);
  if (bytes.byteLength > longestText(version)) {
    throw new RangeError(
      `Cannot encode a query of ${bytes.byteLength} bytes: version ${version} carries ${
        longestText(version)
      }`,
    );
  }
  const bufferLength = Math.max(SHORTEST_QUERY_BUFFER[version], bytes.byteLength + 1);
  return encode(version, PacketType.query, 0, bytes, bufferLength);
}

function encode(
  version: PacketVersion,
  type: number,
  code: number,
  text: Uint8Array,
  bufferLength: number,
): Uint8Array {
  const layout = layoutOf(version, bufferLength);
  const packet = new Uint8Array(layout.packetLength);
  putInt16(packet, 0, version);
  putInt16(packet, 2, type);
  putInt16(packet, RESULT_CODE_AT, code);
  if (version !== 2) putInt32(packet, BUFFER_LENGTH_AT, layout.bufferLength);
  packet.set(text, layout.buffer);
  putInt32(packet, CHECKSUM_AT, checksumOf(packet, version));
  return packet;
}
