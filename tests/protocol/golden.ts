import type { PacketVersion } from "../../lib/protocol/packet.ts";

/** A packet as a real peer sent it. */
export interface Golden<Fields> {
  readonly from: string;
  readonly packet: Fields;
  readonly bytes: Uint8Array;
}

/** Bytes written in hexadecimal, zeros up to a length, and some more after them. */
function bytes(beginning: string, length: number, end = ""): Uint8Array {
  const packet = new Uint8Array(length);
  packet.set(Uint8Array.fromHex(beginning));
  packet.set(Uint8Array.fromHex(end), length - end.length / 2);
  return packet;
}

/** Queries of check_nrpe 4.1.0. Those of version 2 have noise in the result code and the padding. */
export const QUERIES: readonly Golden<{ version: PacketVersion; text: string }>[] = [
  {
    from: "check_nrpe -c check_load",
    packet: { version: 4, text: "check_load" },
    bytes: bytes("00040001de6f9b4e00000000000003fc636865636b5f6c6f6164", 1036),
  },
  {
    from: "check_nrpe -c check_disk -a 20% 10%",
    packet: { version: 4, text: "check_disk!20%!10%" },
    bytes: bytes("0004000124db969600000000000003fc636865636b5f6469736b2132302521313025", 1036),
  },
  {
    from: "check_nrpe -3 -c check_load",
    packet: { version: 3, text: "check_load" },
    bytes: bytes("00030001955dd9ff00000000000003f9636865636b5f6c6f6164", 1036),
  },
  {
    from: "check_nrpe -3 -c check_disk -a 20% 10%",
    packet: { version: 3, text: "check_disk!20%!10%" },
    bytes: bytes("000300016fe9d42700000000000003f9636865636b5f6469736b2132302521313025", 1036),
  },
  {
    from: "check_nrpe -2 -c check_load",
    packet: { version: 2, text: "check_load" },
    bytes: bytes("000200019c82b01e6364636865636b5f6c6f6164", 1036, "6b6a"),
  },
  {
    from: "check_nrpe -2 -c check_disk -a 20% 10%",
    packet: { version: 2, text: "check_disk!20%!10%" },
    bytes: bytes("000200016f007eec3c36636865636b5f6469736b2132302521313025", 1036, "3d64"),
  },
];

/** A response's fields. */
export interface ResponseFields {
  readonly version: PacketVersion;
  readonly code: 0;
  readonly text: string;
}

/**
 * Responses. Those of versions 2 and 4 are the C agent's (4.1.0); it no longer speaks version 3, so
 * that one is what check_nrpe 4.1.0 accepts with -3.
 */
export const RESPONSES: readonly Golden<ResponseFields>[] = [
  {
    from: "nrpe, version 4",
    packet: { version: 4, code: 0, text: "OK" },
    bytes: bytes("000400022cfec8d700000000000000034f4b", 19),
  },
  {
    from: "accepted in version 3",
    packet: { version: 3, code: 0, text: "OK" },
    bytes: bytes("000300023007526d00000000000000024f4b", 21),
  },
  {
    from: "nrpe, version 2, with noise in the padding",
    packet: { version: 2, code: 0, text: "OK" },
    bytes: bytes("000200021f14f4f900004f4b", 1036, "3c48"),
  },
];
