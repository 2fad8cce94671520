import { decodeBytes } from "../bytes.ts";
import {
  BUFFER_LENGTH_AT,
  CHECKSUM_AT,
  checksumOf,
  int16At,
  int32At,
  type Layout,
  layoutOf,
  MAX_BUFFER,
  PacketType,
  type PacketVersion,
  type Query,
  type Response,
  RESULT_CODE_AT,
  type ResultCode,
} from "./packet.ts";

/** Why bytes are not a packet, in the order of the checks. */
export type PacketError = "version" | "buffer length" | "checksum" | "type";

/** The bytes may be the beginning of a packet; at least `length` bytes are needed to decide. */
interface NeedsMore {
  readonly kind: "needs more";
  /** From the packet's beginning, in bytes; at most 65555. */
  readonly length: number;
}

/** The bytes begin with a whole packet of `length` bytes. */
interface Decoded<Packet> {
  readonly kind: "packet";
  readonly packet: Packet;
  readonly length: number;
}

/** The bytes are not a packet, whatever follows. */
interface Refused {
  readonly kind: "refused";
  readonly reason: PacketError;
}

/** The result of decoding the bytes received so far. */
export type Decoding<Packet> = NeedsMore | Decoded<Packet> | Refused;

const VERSION_KNOWN = 2;
const LENGTH_KNOWN = 16;

/**
 * Decodes a query from all the bytes received so far.
 *
 * The result does not depend on how the bytes were split. Bytes after a complete packet are ignored.
 * The announced length is checked before anything is allocated for it.
 */
export function decodeQuery(received: Uint8Array): Decoding<Query> {
  return decode(received, PacketType.query, (version, text) => ({ version, text }));
}

/**
 * Decodes a response from all the bytes received so far, as {@link decodeQuery} does. A result code
 * other than 0 to 3 becomes 3, UNKNOWN.
 */
export function decodeResponse(received: Uint8Array): Decoding<Response> {
  return decode(
    received,
    PacketType.response,
    (version, text, code) => ({ version, text, code: resultCodeOf(code) }),
  );
}

/** A number from 0 to 3 as a result code; any other becomes 3, UNKNOWN. */
export function resultCodeOf(code: number): ResultCode {
  return code === 0 || code === 1 || code === 2 ? code : 3;
}

function decode<Packet>(
  received: Uint8Array,
  type: number,
  packetOf: (version: PacketVersion, text: string, code: number) => Packet,
): Decoding<Packet> {
  if (received.byteLength < VERSION_KNOWN) return { kind: "needs more", length: VERSION_KNOWN };
  const version = int16At(received, 0);
  if (version !== 2 && version !== 3 && version !== 4) {
    return { kind: "refused", reason: "version" };
  }
  const layout = announcedLayout(received, version);
  if ("kind" in layout) return layout;
  const { buffer, bufferLength, packetLength } = layout;
  if (received.byteLength < packetLength) return { kind: "needs more", length: packetLength };
  // A copy, since checksumOf() clears the checksum field; slice() of a Buffer makes none.
  const packet = new Uint8Array(received.subarray(0, packetLength));
  const checksum = int32At(packet, CHECKSUM_AT);
  if (checksum !== checksumOf(packet, version)) return { kind: "refused", reason: "checksum" };
  if (int16At(packet, 2) !== type) return { kind: "refused", reason: "type" };
  const nul = received.subarray(buffer, buffer + bufferLength).indexOf(0);
  const text = decodeBytes(received, buffer, buffer + (nul < 0 ? bufferLength : nul));
  return {
    kind: "packet",
    packet: packetOf(version, text, int16At(packet, RESULT_CODE_AT)),
    length: packetLength,
  };
}

function announcedLayout(
  received: Uint8Array,
  version: PacketVersion,
): Layout | NeedsMore | Refused {
  if (version === 2) return layoutOf(2, 0);
  if (received.byteLength < LENGTH_KNOWN) return { kind: "needs more", length: LENGTH_KNOWN };
  const bufferLength = int32At(received, BUFFER_LENGTH_AT);
  if (bufferLength < 1 || bufferLength > MAX_BUFFER) {
    return { kind: "refused", reason: "buffer length" };
  }
  return layoutOf(version, bufferLength);
}
