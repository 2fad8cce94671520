import { describe, expect, test } from "bun:test";
import { byteStringOf } from "../../lib/bytes.ts";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery, encodeResponse } from "../../lib/protocol/encode.ts";
import { truncate } from "../../lib/protocol/truncate.ts";
import { QUERIES, RESPONSES } from "./golden.ts";

const NUL_COUNTED = { 2: 1036, 3: 19, 4: 17 } as const;

describe("encodeQuery()", () => {
  test("writes queries as check_nrpe does, but fills them with zeros", () => {
    for (const { packet, bytes } of QUERIES.filter(({ packet }) => packet.version !== 2)) {
      expect(encodeQuery(packet)).toEqual(bytes);
    }
    expect(encodeQuery({ version: 2, text: "check_load" }).byteLength).toBe(1036);
  });

  test("throws on a text that does not fit", () => {
    expect(() => encodeQuery({ version: 2, text: "x".repeat(1024) })).toThrow(RangeError);
    expect(() => encodeQuery({ version: 4, text: "x".repeat(65536) })).toThrow(RangeError);
    expect(encodeQuery({ version: 4, text: "x".repeat(65535) }).byteLength).toBe(16 + 65536);
  });
});

describe("encodeResponse()", () => {
  test("writes responses as the C agent does, but fills them with zeros", () => {
    for (const { packet, bytes } of RESPONSES.filter(({ packet }) => packet.version !== 2)) {
      expect(encodeResponse(packet)).toEqual(bytes);
    }
  });

  test.each([2, 3, 4] as const)("announces the length that version %d wants", (version) => {
    for (const length of [1, 2, 1000, 1023]) {
      const bytes = encodeResponse({ version, code: 0, text: "x".repeat(length) });
      expect(bytes.byteLength).toBe(NUL_COUNTED[version] + (version === 2 ? 0 : length));
    }
  });

  test.each([[2, 1023], [3, 65535], [4, 65535]] as const)(
    "cuts text in version %d at %d bytes and keeps the code",
    (version, limit) => {
      for (const length of [limit - 1, limit, limit + 1, 70000, 200000]) {
        const decoding = decodeResponse(
          encodeResponse({ version, code: 2, text: "x".repeat(length) }),
        );
        const packet = { version, code: 2, text: "x".repeat(Math.min(length, limit)) };
        expect(decoding).toMatchObject({ kind: "packet", packet });
      }
    },
  );

  test("writes nothing but zeros after the text", () => {
    const bytes = encodeResponse({ version: 2, code: 0, text: "OK" });
    expect(bytes.subarray(12).every((byte) => byte === 0)).toBe(true);
  });
});

describe("truncate()", () => {
  const cases: readonly [text: string, limit: number, expected: string][] = [
    ["", 4, ""],
    ["abcd", 4, "abcd"],
    ["abcde", 4, "abcd"],
    ["ab\0cd", 4, "ab"],
    ["\0", 4, ""],
    ["abc€", 6, "abc€"],
    ["abc€", 5, "abc"],
    ["abc€", 4, "abc"],
    ["abc€", 3, "abc"],
    ["aé", 2, "a"],
    ["a😀b", 5, "a😀"],
    ["a😀b", 4, "a"],
    ["a😀b", 3, "a"],
    ["a😀b", 2, "a"],
    ["€€", 3, "€"],
  ];

  test.each(cases)("cuts %j at %d bytes to %j", (text, limit, expected) => {
    expect(truncate(byteStringOf(text), limit)).toBe(byteStringOf(expected));
  });

  test.each([
    ["\x80\x80\x80\x80\x80\x80", 4, "\x80\x80\x80\x80"],
    ["ab\xe4\xf6\xfc\xdf", 4, "ab\xe4\xf6"],
    ["a\xc3\xa4\xa4\xa4", 3, "a\xc3\xa4"],
  ])("cuts %j, which is not UTF-8, at %d bytes", (text, limit, expected) => {
    expect(truncate(text, limit)).toBe(expected);
  });
});
