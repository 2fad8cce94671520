import { describe, expect, test } from "bun:test";
import { parseReply } from "../../lib/access/ident.ts";

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

  test.each(cases)("reads %j as %p", (reply, user) => {
    expect(parseReply(reply, 6193, 23)).toBe(user as never);
  });
});
