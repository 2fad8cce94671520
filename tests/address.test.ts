import { describe, expect, test } from "bun:test";
import { addressText, isWithin, parseIPv4, parseIPv6 } from "../lib/address.ts";

describe("addressText()", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1::", "1::"],
    ["2001:0DB8::00ff", "2001:db8::ff"],
    // The longest run of zeros, and the first of those of the same length (RFC 5952, 4.2.3).
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    // One group is not shortened (RFC 5952, 4.2.2).
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
    ["::192.0.2.1", "::c000:201"],
  ])("writes %s as %s", (text, usual) => {
    const bytes = parseIPv4(text) ?? parseIPv6(text);
    expect(addressText(bytes!)).toBe(usual);
  });
});

describe("isWithin()", () => {
  test("compares as many bits as asked", () => {
    const [one, other] = [parseIPv6("2001:db8::")!, parseIPv6("2001:db9::")!];
    const same = [0, 31, 32, 128].map((length) => isWithin(one, other, length));
    expect(same).toEqual([true, true, false, false]);
  });

  test("finds no IPv4 address in an IPv6 net", () => {
    expect(isWithin(parseIPv4("0.0.0.0")!, parseIPv6("::")!, 0)).toBe(false);
  });
});
