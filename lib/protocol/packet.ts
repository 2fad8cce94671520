/**
 * NRPE packets, versions 2, 3 and 4.
 *
 * All integers are big-endian. Every packet begins with version (u16), type (u16), CRC-32 (u32) and
 * result code (i16). In version 2 a buffer of 1024 bytes with the text follows, and two bytes of
 * padding. In versions 3 and 4 two bytes of alignment, the buffer's length (i32) and the buffer follow;
 * version 3 has three bytes of padding.
 */

/** The packet versions in use. */
export type PacketVersion = 2 | 3 | 4;

/** A packet from a client. */
export interface Query {
  readonly version: PacketVersion;
  /** The request, a byte string: a command's name and its arguments, separated by exclamation marks. */
  readonly text: string;
}

/** A result code: OK, WARNING, CRITICAL, UNKNOWN. */
export type ResultCode = 0 | 1 | 2 | 3;

/** A packet from an agent. */
export interface Response {
  readonly version: PacketVersion;
  readonly code: ResultCode;
  /** The plugin's output, a byte string. */
  readonly text: string;
}

export const PacketType = { query: 1, response: 2 } as const;

/** Offset of the checksum in every version. */
export const CHECKSUM_AT = 4;
/** Offset of the result code in every version. */
export const RESULT_CODE_AT = 8;
/** Offset of the alignment field of versions 3 and 4. */
const ALIGNMENT_AT = 10;
/** Offset of the buffer's length in versions 3 and 4. */
export const BUFFER_LENGTH_AT = 12;

/** The offset and the length of the buffer, and the length of the packet. In bytes. */
export interface Layout {
  readonly buffer: number;
  readonly bufferLength: number;
  readonly packetLength: number;
}

const V2_BUFFER = 1024;
const V2_PADDING = 2;
const V3_PADDING = 3;

/** The largest buffer length in versions 3 and 4. */
export const MAX_BUFFER = 65536;

/** The layout of a packet. For version 2, the buffer length is ignored. */
export function layoutOf(version: PacketVersion, bufferLength: number): Layout {
  if (version === 2) {
    return { buffer: 10, bufferLength: V2_BUFFER, packetLength: 10 + V2_BUFFER + V2_PADDING };
  }
  const padding = version === 3 ? V3_PADDING : 0;
  return { buffer: 16, bufferLength, packetLength: 16 + bufferLength + padding };
}

/** The longest text of a version, in bytes, without the NUL. */
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
 * The CRC-32 of zlib over a whole packet, with zero for its checksum field and, in versions 3 and 4,
 * for its alignment field. Overwrites these fields of `packet` with zeros. A signed integer, as
 * {@link int32At} reads it.
 */
export function checksumOf(packet: Uint8Array, version: PacketVersion): number {
  putInt32(packet, CHECKSUM_AT, 0);
  if (version !== 2) putInt16(packet, ALIGNMENT_AT, 0);
  return Bun.hash.crc32(packet) | 0;
}
