import { encodeBytes } from "../bytes.ts";
import {
  CHECKSUM_AT,
  checksumOf,
  layoutOf,
  PacketType,
  putInt16,
  putInt32,
} from "../protocol/packet.ts";

/**
 * A query of version 2 with a buffer of another size, as NSClient++ can be set to expect it.
 * @param size In bytes; the text is truncated to it, with its NUL.
 */
export function encodeFixedQuery(text: string, size: number): Uint8Array {
  const { buffer, bufferLength, packetLength } = layoutOf(2, 0);
  const packet = new Uint8Array(packetLength - bufferLength + size);
  putInt16(packet, 0, 2);
  putInt16(packet, 2, PacketType.query);
  packet.set(encodeBytes(text.slice(0, size - 1)), buffer);
  putInt32(packet, CHECKSUM_AT, checksumOf(packet, 2));
  return packet;
}
