import { describe, expect, test } from "bun:test";
import { endpointOf } from "../../lib/system/socket.ts";
import { parseReply } from "../../lib/access/ident.ts";

/** A socket address: family in the machine's order, port, and in IPv6 the flow label. */
function sockaddr(family: 2 | 10, port: number, address: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(28);
  new Uint16Array(bytes.buffer)[0] = family;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(address, family === 10 ? 8 : 4);
  return bytes;
}

const zeros = (count: number) => new Array<number>(count).fill(0);

describe("endpointOf()", () => {
  test.each(
    [
      [2, [192, 0, 2, 7], "192.0.2.7"],
      [10, [0x20, 1, 0xd, 0xb8, ...zeros(11), 1], "2001:db8::1"],
      [10, [...zeros(15), 1], "::1"],
      [10, zeros(16), "::"],
      [10, [...zeros(10), 0xff, 0xff, 127, 0, 0, 2], "127.0.0.2"],
    ] as const,
  )("reads an address of family %d, %j, as %s", (family, bytes, address) => {
    expect(endpointOf(sockaddr(family, 5666, bytes))).toEqual({ address, port: 5666 });
  });

  test("knows no other family", () => {
    expect(endpointOf(new Uint8Array(28))).toBeUndefined();
  });
});

describe("parseReply()", () => {
  const cases: readonly [reply: string, user: string | undefined][] = [
    ["6193, 23 : USERID : UNIX : stjohns\r\n", "stjohns"],
    ["6193,23:USERID:OTHER, US-ASCII :a b\r\n", "a b"],
    ["6193, 23 : ERROR : NO-USER\r\n", undefined],
    ["6194, 23 : USERID : UNIX : mallory\r\n", undefined],
    ["6193, 24 : USERID : UNIX : mallory\r\n", undefined],
    ["", undefined],
    ["nonsense\r\n", undefined],
  ];

  test.each(cases)("reads %j as %j", (reply, user) => {
    expect(parseReply(reply, 6193, 23)).toBe(user as never);
  });
});
