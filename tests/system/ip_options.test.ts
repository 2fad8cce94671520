import { expect, test } from "bun:test";
import { holdsSourceRoute } from "../../lib/system/ip_options.ts";

test.each([
  ["", false],
  ["00", false],
  ["01010100", false],
  ["01070b040000000000000000", false],
  ["8307047f00000100", true],
  ["01890704c0000201", true],
  ["070704c00002018307047f00000100", true],
  // Behind the end, inside of another option, and cut off.
  ["008307047f000001", false],
  ["0707048307047f", false],
  ["07", false],
  ["0700", false],
  ["0701", false],
])("holdsSourceRoute() of %s is %p", (hex, expected) => {
  expect(holdsSourceRoute(Uint8Array.fromHex(hex))).toBe(expected);
});
