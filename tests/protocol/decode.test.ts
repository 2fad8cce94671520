import { describe, expect, test } from "bun:test";
import { decodeQuery, decodeResponse, type Decoding } from "../../lib/protocol/decode.ts";
import { encodeQuery, encodeResponse } from "../../lib/protocol/encode.ts";
import type { PacketVersion } from "../../lib/protocol/packet.ts";
import { seededRandom } from "../support/random.ts";
import { QUERIES, RESPONSES } from "./golden.ts";

const SEED = 20261123;
const VERSIONS: readonly PacketVersion[] = [2, 3, 4];
const LONGEST_PACKET = 65555;

/** Feeds bytes in pieces, as a connection brings them, until something is decided. */
function feed<Packet>(
  decode: (received: Uint8Array) => Decoding<Packet>,
  bytes: Uint8Array,
  ends: readonly number[],
): Decoding<Packet> {
  let decoding = decode(bytes.subarray(0, 0));
  for (const end of ends) {
    if (decoding.kind !== "needs more") return decoding;
    decoding = decode(bytes.subarray(0, end));
  }
  return decoding;
}

describe("decodeQuery()", () => {
  test.each(QUERIES.map(({ from, packet, bytes }) => [from, packet, bytes] as const))(
    "reads a query of %s",
    (_, packet, bytes) => {
      expect(decodeQuery(bytes)).toEqual({ kind: "packet", packet, length: bytes.byteLength });
    },
  );

  test("gives the same result for every split of the same bytes", () => {
    for (const { packet, bytes } of QUERIES) {
      const whole = { kind: "packet", packet, length: bytes.byteLength };
      for (let split = 0; split <= bytes.byteLength; split++) {
        expect(feed(decodeQuery, bytes, [split, bytes.byteLength])).toEqual(whole as never);
      }
      const byteByByte = Array.from(bytes, (_, at) => at + 1);
      expect(feed(decodeQuery, bytes, byteByByte)).toEqual(whole as never);
    }
  });

  test("needs more of every truncated query, and never more than the whole of it", () => {
    for (const { bytes } of QUERIES) {
      for (let length = 0; length < bytes.byteLength; length++) {
        const decoding = decodeQuery(bytes.subarray(0, length));
        expect(decoding.kind).toBe("needs more");
        if (decoding.kind !== "needs more") continue;
        expect(decoding.length).toBeGreaterThan(length);
        expect(decoding.length).toBeLessThanOrEqual(bytes.byteLength);
      }
    }
  });

  test("does not change the bytes, in a Buffer either", () => {
    for (const { packet, bytes } of QUERIES) {
      const buffer = Buffer.from(bytes);
      const decoded = { kind: "packet", packet, length: bytes.byteLength };
      expect(decodeQuery(buffer)).toEqual(decoded as never);
      expect(buffer).toEqual(Buffer.from(bytes));
    }
  });

  test("does not look at bytes after the query", () => {
    for (const { packet, bytes } of QUERIES) {
      const longer = new Uint8Array(bytes.byteLength + 7).fill(0xff);
      longer.set(bytes);
      expect(decodeQuery(longer)).toEqual({ kind: "packet", packet, length: bytes.byteLength });
    }
  });

  test("decides every flip of a single bit by version, length, checksum or type alone", () => {
    for (const { packet, bytes } of QUERIES) {
      for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const decoding = decodeQuery(flipped);
        const at = bit >> 3;
        if (packet.version !== 2 && (at === 10 || at === 11)) {
          // The alignment field is in no checksum.
          expect(decoding).toEqual({ kind: "packet", packet, length: bytes.byteLength });
        } else if (at < 2) {
          const version = (flipped[0]! << 8) + flipped[1]!;
          if (version < 2 || version > 4) {
            expect(decoding).toEqual({ kind: "refused", reason: "version" });
          } else expect(decoding.kind).not.toBe("packet");
        } else if (packet.version !== 2 && at >= 12 && at < 16) {
          expect(decoding.kind).not.toBe("packet");
        } else expect(decoding).toEqual({ kind: "refused", reason: "checksum" });
      }
    }
  });

  test("refuses by version, then buffer length, then checksum, then type", () => {
    const query = (change: (view: DataView) => void) => {
      const bytes = encodeQuery({ version: 4, text: "x" });
      change(new DataView(bytes.buffer));
      return decodeQuery(bytes);
    };
    expect(query((view) => view.setUint16(0, 5))).toEqual({ kind: "refused", reason: "version" });
    for (const length of [0, -1, 65537, 0x7fffffff]) {
      expect(query((view) => view.setInt32(12, length)))
        .toEqual({ kind: "refused", reason: "buffer length" });
    }
    expect(query((view) => view.setUint16(2, 2))).toEqual({ kind: "refused", reason: "checksum" });
    const response = encodeResponse({ version: 4, code: 0, text: "x" });
    expect(decodeQuery(response)).toEqual({ kind: "refused", reason: "type" });
  });

  test("refuses as soon as the version or the length is known", () => {
    expect(decodeQuery(Uint8Array.of(0x16, 0x03))).toEqual({ kind: "refused", reason: "version" });
    const header = encodeQuery({ version: 3, text: "x" }).slice(0, 16);
    new DataView(header.buffer).setInt32(12, 65537);
    expect(decodeQuery(header)).toEqual({ kind: "refused", reason: "buffer length" });
  });

  test("takes text up to the first NUL, or all of the buffer without one", () => {
    for (const [version, text] of [[4, "ab\0cd"], [3, "\0"], [2, "a\0b"]] as const) {
      const decoding = decodeQuery(encodeQuery({ version, text }));
      expect(decoding).toMatchObject({
        packet: { version, text: text.slice(0, text.indexOf("\0")) },
      });
    }
    const bytes = encodeQuery({ version: 4, text: "x".repeat(1020) }).slice(0, 16 + 1020);
    const view = new DataView(bytes.buffer);
    view.setInt32(12, 1020);
    view.setUint32(4, 0);
    view.setUint32(4, Bun.hash.crc32(bytes));
    expect(decodeQuery(bytes)).toMatchObject({ packet: { text: "x".repeat(1020) } });
  });

  test(`refuses any bytes or needs more of them (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 20_000; round++) {
      const bytes = random.bytes(random.below(40));
      if (random.below(4) > 0 && bytes.byteLength > 1) bytes.set([0, 2 + random.below(3)]);
      const decoding = decodeQuery(bytes);
      if (decoding.kind === "needs more") {
        expect(decoding.length).toBeGreaterThan(bytes.byteLength);
        expect(decoding.length).toBeLessThanOrEqual(LONGEST_PACKET);
      } else expect(decoding.kind).toBe("refused");
    }
  });
});

describe("decodeResponse()", () => {
  test.each(RESPONSES.map(({ from, packet, bytes }) => [from, packet, bytes] as const))(
    "reads the response of %s",
    (_, packet, bytes) => {
      expect(decodeResponse(bytes)).toEqual({ kind: "packet", packet, length: bytes.byteLength });
      for (let length = 0; length < bytes.byteLength; length++) {
        expect(decodeResponse(bytes.subarray(0, length)).kind).toBe("needs more");
      }
    },
  );

  test.each([[-1, 3], [0, 0], [1, 1], [2, 2], [3, 3], [4, 3], [32767, 3]])(
    "reads result code %d as %d",
    (code, expected) => {
      const bytes = encodeResponse({ version: 2, code: 0, text: "x" });
      const view = new DataView(bytes.buffer);
      view.setInt16(8, code);
      view.setUint32(4, 0);
      view.setUint32(4, Bun.hash.crc32(bytes));
      expect(decodeResponse(bytes)).toMatchObject({ packet: { code: expected } });
    },
  );

  test(`reads what encodeResponse() writes (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 2_000; round++) {
      const version = random.pick(VERSIONS);
      const code = random.pick([0, 1, 2, 3] as const);
      const length = random.pick([1, 2, 10, 1022, 1023]);
      const text = String.fromCharCode(
        ...Array.from({ length }, () => 1 + random.below(127)),
      );
      const bytes = encodeResponse({ version, code, text });
      const packet = { version, code, text };
      expect(decodeResponse(bytes)).toEqual({ kind: "packet", packet, length: bytes.byteLength });
    }
  });
});
