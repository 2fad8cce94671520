/**
 * NRPE packets, version 2, 3 and 4: what they hold and where.
 *
 * All integers are big-endian. Every packet begins with version (u16), type (u16), CRC-32 (u32) and
 * result code (i16). In version 2 the text follows at once, in a buffer of 1024 bytes, with two
 * bytes of padding behind it. In versions 3 and 4 come two bytes of alignment and the buffer's
 * length (i32), then the buffer; version 3 has three more bytes at the end.
 */

/** The packet versions that are in use. */
export type PacketVersion = 2 | 3 | 4;

/** What a monitoring server asks. */
export interface Query {
  readonly version: PacketVersion;
  /** The request, a byte string: a command's name, and its arguments behind exclamation marks. */
  readonly text: string;
}

/** A result code: OK, WARNING, CRITICAL, UNKNOWN. */
export type ResultCode = 0 | 1 | 2 | 3;

/** What an agent answers. */
export interface Response {
  readonly version: PacketVersion;
  readonly code: ResultCode;
  /** The plugin's output, a byte string. */
  readonly text: string;
}

/** The type field. */
export const PacketType = { query: 1, response: 2 } as const;

/** Offset of the checksum in every version. */
export const CHECKSUM_AT = 4;
/** Offset of the result code in every version. */
export const RESULT_CODE_AT = 8;
/** Offset of the alignment field of versions 3 and 4. */
export const ALIGNMENT_AT = 10;
/** Offset of the buffer's length in versions 3 and 4. */
export const BUFFER_LENGTH_AT = 12;

/** Where the text stands in a packet, and how long the packet is. In bytes. */
export interface Layout {
  readonly buffer: number;
  readonly bufferLength: number;
  readonly packetLength: number;
}

const V2_BUFFER = 1024;
const V2_PADDING = 2;
const V3_PADDING = 3;

/** The largest buffer length that versions 3 and 4 may announce. */
export const MAX_BUFFER = 65536;

/** The layout of a packet of version 2, or of a version 3 or 4 with the given buffer length. */
export function layoutOf(version: PacketVersion, bufferLength: number): Layout {
  if (version === 2) {
    return { buffer: 10, bufferLength: V2_BUFFER, packetLength: 10 + V2_BUFFER + V2_PADDING };
  }
  const padding = version === 3 ? V3_PADDING : 0;
  return { buffer: 16, bufferLength, packetLength: 16 + bufferLength + padding };
}

/** The longest text that a response of a version carries, in bytes, without its NUL. */
export function longestText(version: PacketVersion): number {
  return version === 2 ? V2_BUFFER - 1 : MAX_BUFFER - 1;
}

// Not by a DataView, whose first use takes five page faults.

/** The signed integer of 16 bits at an offset. */
export function int16At(packet: Uint8Array, at: number): number {
  return (packet[at]! << 24 | packet[at + 1]! << 16) >> 16;
}

/** The signed integer of 32 bits at an offset. */
export function int32At(packet: Uint8Array, at: number): number {
  return packet[at]! << 24 | packet[at + 1]! << 16 | packet[at + 2]! << 8 | packet[at + 3]!;
}

/** Writes an integer of 16 bits. */
export function putInt16(packet: Uint8Array, at: number, value: number): void {
  packet[at] = value >> 8;
  packet[at + 1] = value;
}

/** Writes an integer of 32 bits. */
export function putInt32(packet: Uint8Array, at: number, value: number): void {
  putInt16(packet, at, value >> 16);
  putInt16(packet, at + 2, value);
}

/**
 * CRC-32, as zlib computes it, over a whole packet whose checksum field is zero; in versions 3 and 4
 * the alignment field counts as zero as well. A signed integer, as {@link int32At} reads it.
 *
 * The two fields of `packet` are overwritten with zeros.
 */
export function checksumOf(packet: Uint8Array, version: PacketVersion): number {
  putInt32(packet, CHECKSUM_AT, 0);
  if (version !== 2) putInt16(packet, ALIGNMENT_AT, 0);
  return Bun.hash.crc32(packet) | 0;
}
