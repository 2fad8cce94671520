import { describe, expect, test } from "bun:test";
import {
  ipv4Value,
  ipv6Value,
  leadingNumber,
  mappedIpv4,
  unmapped,
} from "../../lib/wrappers/address.ts";

describe("ipv4Value()", () => {
  test.each([
    ["10.0.0.1", 0x0a000001],
    ["012.0.0.1", 0x0a000001],
    ["0xa.0X0.00.0x01", 0x0a000001],
    ["0.0.0.0", 0],
    ["255.255.255.254", 0xfffffffe],
    ["10.0.0.1 ", 0x0a000001],
    ["10.0.0.1\vx", 0x0a000001],
    ["10.1 .2.3", 0x0a000001],
    ["255.255.255.255", undefined],
    ["10.0.0", undefined],
    ["10.0.0.1.", undefined],
    ["10..0.1", undefined],
    ["1.2.3.4.5", undefined],
    ["256.0.0.1", undefined],
    ["08.0.0.1", undefined],
    ["0x.0.0.1", undefined],
    ["+1.0.0.1", undefined],
    [" 10.0.0.1", undefined],
    ["", undefined],
    ["::1", undefined],
  ])("reads %j", (text, value) => expect(ipv4Value(text)).toBe(value));
});

describe("ipv6Value()", () => {
  const groups = (...values: number[]) => values.flatMap((group) => [group >> 8, group & 0xff]);
  test.each([
    ["::", groups(0, 0, 0, 0, 0, 0, 0, 0)],
    ["::1", groups(0, 0, 0, 0, 0, 0, 0, 1)],
    ["2001:DB8::", groups(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)],
    ["1:2:3:4:5:6:7:8", groups(1, 2, 3, 4, 5, 6, 7, 8)],
    ["1:2:3:4:5:6:7::", groups(1, 2, 3, 4, 5, 6, 7, 0)],
    ["::1.2.3.4", groups(0, 0, 0, 0, 0, 0, 0x102, 0x304)],
    ["fe80::1%eth0", groups(0xfe80, 0, 0, 0, 0, 0, 0, 1)],
    ["::1%7", groups(0, 0, 0, 0, 0, 0, 0, 1)],
    ["::1%lo", undefined],
    ["fe80::1%", undefined],
    ["1:2:3:4:5:6:7", undefined],
    ["1:2:3:4:5:6:7:8::", undefined],
    ["1::2::3", undefined],
    [":1", undefined],
    ["1:", undefined],
    [":::", undefined],
    ["::12345", undefined],
    ["::g", undefined],
    ["::01.2.3.4", undefined],
    ["1.2.3.4::", undefined],
    ["10.0.0.1", undefined],
    ["", undefined],
  ])("reads %j", (text, value) => expect(ipv6Value(text)).toEqual(value));
});

test.each([
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::FFFF:10.0.0.1", "10.0.0.1"],
  ["::ffff:a00:1", "::ffff:a00:1"],
  ["::ffff:255.255.255.255", "::ffff:255.255.255.255"],
  ["nrpe", "nrpe"],
])("unmapped() of %j is %j", (text, result) => expect(unmapped(text)).toBe(result));

test.each([
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["0:0:0:0:0:FFFF:a00:1", "10.0.0.1"],
  ["1::ffff:10.0.0.1", undefined],
  ["::10.0.0.1", undefined],
  ["10.0.0.1", undefined],
])("mappedIpv4() of %j is %p", (text, result) => expect(mappedIpv4(text)).toBe(result));

test.each([
  ["24", 24],
  ["+08x", 8],
  ["\v-1", -1],
  ["", 0],
  ["x", 0],
  ["2147483648", NaN],
])("leadingNumber() of %j is %p", (text, value) => expect(leadingNumber(text)).toBe(value));
