import { describe, expect, test } from "bun:test";
import { matchList } from "../../lib/wrappers/match_list.ts";
import { delimiterAt, matchesText, parseTextPattern } from "../../lib/wrappers/pattern.ts";

describe("matchesText()", () => {
  const cases: [pattern: string, fits: string[], not: string[]][] = [
    ["alpha", ["alpha", "ALPHA"], ["alph", "alphas", ""]],
    ["ALL", ["", "unknown", "x"], []],
    ["KNOWN", ["", "paranoid", "x"], ["unknown", "UNKNOWN"]],
    [".b", ["a.b", "A.B", ".b.b"], [".b", "b", "a.bc"]],
    ["a.", ["a.", "A.b"], ["a", "ba."]],
    ["*", ["", "a"], []],
    ["**", ["a", "ab"], [""]],
    ["a**", ["ab", "abc"], ["a"]],
    ["a**b", ["ab", "axb"], ["a"]],
    ["a*b?c", ["abxc", "axxbbc"], ["abc", "abxcd"]],
    ["*.x*.y", ["a.x.y", "a.xx.x.y"], ["a.y", "a.x"]],
    [".*", [".", ".a"], ["a.b"]],
    ["?", ["a", "*"], ["", "ab"]],
    ["[::1]", ["::1", "0:0:0:0:0:0:0:1"], ["::2", "[::2]"]],
    ["[x]", ["[x]"], ["x"]],
    ["10.*", ["::ffff:10.0.0.1"], []],
    ["\xc4", ["\xc4"], ["\xe4"]],
    ["", [""], ["a"]],
  ];
  for (const [pattern, fits, not] of cases) {
    test(`of ${JSON.stringify(pattern)}`, () => {
      const parsed = parseTextPattern(pattern);
      for (const text of fits) expect([text, matchesText(parsed, text)]).toEqual([text, true]);
      for (const text of not) expect([text, matchesText(parsed, text)]).toEqual([text, false]);
    });
  }

  test("takes bounded time with many wildcards", () => {
    const pattern = parseTextPattern("*a".repeat(1000) + "b");
    expect(matchesText(pattern, "a".repeat(2000))).toBe(false);
  });
});

test.each([
  ["a:b", 1],
  ["[a:b]:c", 5],
  ["[a:b", -1],
  ["]a:b", -1],
  ["][a:b", 3],
  ["a:[b", 1],
])("delimiterAt() finds the colon of %j at %i", (text, at) => {
  expect(delimiterAt(text, ":")).toBe(at);
});

describe("matchList()", () => {
  test.each([
    ["a b", true],
    ["b c", false],
    ["", false],
    ["a EXCEPT b", true],
    ["a EXCEPT a", false],
    ["b a except b c", true],
    ["a EXCEPT a EXCEPT a", true],
    ["a EXCEPT a EXCEPT b", false],
    ["a EXCEPT EXCEPT a", true],
    ["EXCEPT a", false],
    ["a EXCEPT", true],
    ["b EXCEPT a", false],
  ])("of %j is %p where only a matches", (list, result) => {
    const words = list === "" ? [] : list.split(" ");
    expect(matchList(words, (word) => word === "a")).toBe(result);
  });
});
