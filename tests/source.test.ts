import { expect, test } from "bun:test";
import { sourceOf } from "../lib/source.ts";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["unknown", "unknown"],
  ["2001:db8::1", "2001:db8::/64"],
  ["2001:db8:0:1:ffff::1", "2001:db8:0:1::/64"],
  ["::1", "::/64"],
  // Other hosts of the link.
  ["fe80::1", "fe80::1"],
  ["febf::1", "febf::1"],
  ["fec0::1", "fec0::/64"],
])("sourceOf(%p) is %p", (address, source) => {
  expect(sourceOf(address)).toBe(source);
});
