import { describe, expect, test } from "bun:test";
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  sequence,
  set,
  time,
  TRUE,
  utf8String,
} from "../../lib/tls/der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The elements that some DER consists of, as X.690 has them read. */
function elementsOf(der: Uint8Array): { readonly tag: number; readonly content: Uint8Array }[] {
  const found = [];
  for (let at = 0; at < der.length;) {
    const tag = der[at++]!;
    let length = der[at++]!;
    if (length >= 0x80) {
      const digits = der.subarray(at, at += length & 0x7f);
      length = digits.reduce((sum, byte) => sum * 256 + byte, 0);
      // The shortest form there is, X.690, 10.1.
      expect(length).toBeGreaterThanOrEqual(digits.length === 1 ? 0x80 : 0x100);
    }
    found.push({ tag, content: der.subarray(at, at += length) });
  }
  return found;
}

describe("element()", () => {
  test.each([0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1234, 0xffff])(
    "gives %d bytes the shortest length that can be read",
    (length) => {
      const content = new Uint8Array(length).fill(7);
      const read = elementsOf(Buffer.concat([element(0x04, content), TRUE]));
      expect(read.map(({ tag }) => tag)).toEqual([0x04, 0x01]);
      expect(Buffer.from(read[0]!.content).equals(content)).toBe(true);
    },
  );

  test("puts elements into others in their order", () => {
    const [outer] = elementsOf(sequence(utf8String("é"), set(TRUE), sequence()));
    expect(elementsOf(outer!.content).map(({ tag, content }) => [tag, hex(content)])).toEqual([
      [0x0c, "c3a9"],
      [0x31, "0101ff"],
      [0x30, ""],
    ]);
  });
});

describe("integer()", () => {
  test.each([
    ["00", "020100"],
    ["7f", "02017f"],
    ["80", "02020080"],
    ["000080", "02020080"],
    ["0100", "02020100"],
    ["0000", "020100"],
  ])("writes %s as %s", (bytes, encoded) => {
    expect(hex(integer(Buffer.from(bytes, "hex")))).toBe(encoded);
  });
});

describe("bitString()", () => {
  test.each([
    ["80", 7, "03020780"],
    ["04ff", 0, "03030004ff"],
    ["", 0, "030100"],
  ])("writes %s less %d bits as %s", (bytes, unused, encoded) => {
    expect(hex(bitString(Buffer.from(bytes, "hex"), unused))).toBe(encoded);
  });
});

describe("objectIdentifier()", () => {
  test.each([
    ["2.5.4.3", "0603550403"],
    ["1.2.840.10045.4.3.2", "06082a8648ce3d040302"],
    ["1.3.6.1.5.5.7.3.1", "06082b06010505070301"],
    ["2.5.127.128.16383.16384", "0609557f8100ff7f818000"],
  ])("writes %s as %s", (dotted, encoded) => {
    expect(hex(objectIdentifier(dotted))).toBe(encoded);
  });
});

describe("time()", () => {
  test.each([
    ["2049-12-31T23:59:59Z", "170d3439313233313233353935395a"],
    ["2050-01-01T00:00:00Z", "180f32303530303130313030303030305a"],
    ["2026-02-03T04:05:06.789Z", "170d3236303230333034303530365a"],
  ])("writes %s as %s", (date, encoded) => {
    expect(hex(time(new Date(date)))).toBe(encoded);
  });
});
