import { describe, expect, test } from "bun:test";
import { addressText, parseIPv4, parseIPv6 } from "../lib/address.ts";

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
