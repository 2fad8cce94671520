import { describe, expect, test } from "bun:test";
import {
  lineAt,
  listWords,
  LONGEST_LINE,
  parseRule,
  TABLE_START,
} from "../../lib/wrappers/table.ts";

describe("lineAt()", () => {
  const line = (text: string, line: number, offset: number) => ({
    kind: "line",
    text,
    line,
    next: { offset, line },
  });
  test.each([
    ["", { kind: "end" }],
    ["a\nb\n", line("a", 1, 2)],
    ["a\\\nb\nc\n", line("ab", 2, 5)],
    ["\\\n\\\n\n", line("", 3, 5)],
    ["a\\ \n", line("a\\ ", 1, 4)],
    ["a", { kind: "unfinished", line: 1 }],
    ["a\\\n", { kind: "unfinished", line: 1 }],
    ["a\\\nb", { kind: "unfinished", line: 2 }],
    ["\\\n", { kind: "end" }],
    ["\\", { kind: "unfinished", line: 1 }],
  ])("reads %j", (table, result) => {
    expect(lineAt(table, TABLE_START)).toEqual(result as ReturnType<typeof lineAt>);
  });

  const room = LONGEST_LINE - 1;
  test.each([
    ["the longest line", `${"x".repeat(room)}\n`, "line"],
    ["a line of one byte more", `${"x".repeat(room + 1)}\n`, "too long"],
    ["the longest joined line", `x\\\n${"x".repeat(room - 1)}\n`, "line"],
    ["a joined line of one byte more", `x\\\n${"x".repeat(room)}\n`, "too long"],
    ["a first piece that is too long", `${"x".repeat(room)}\\\n\n`, "too long"],
    ["a long line without its end", "x".repeat(room + 2), "too long"],
  ])("judges %s", (_, table, kind) => expect(lineAt(table, TABLE_START).kind).toBe(kind as "line"));
});

test.each([
  ["a b: c, d : allow: x", ["a b", " c, d ", " allow: x"]],
  ["a:b", ["a", "b", undefined]],
  ["a [b:c]: d", ["a [b:c]", " d", undefined]],
  ["a: ][ : d", ["a", " ][ ", " d"]],
  ["a: [ : d", ["a", " [ : d", undefined]],
  ["::", ["", "", ""]],
  [" # a: b", [" # a", " b", undefined]],
])("parseRule() divides %j", (text, fields) => {
  const rule = parseRule(text);
  expect(rule.kind === "rule" && [rule.daemons, rule.clients, rule.options]).toEqual(fields);
});

test.each([
  ["", "nothing"],
  [" \t\r", "nothing"],
  ["# a: b", "nothing"],
  ["\f", "error"],
  ["a b", "error"],
  ["[a: b", "error"],
  ["a: b\0", "error"],
  ["#\0", "error"],
])(
  "parseRule() says of %j: %s",
  (text, kind) => expect(parseRule(text).kind).toBe(kind as "error"),
);

test("listWords() divides at blanks, tabs, commas and carriage returns", () => {
  expect(listWords(",a b\tc,, d\r\n")).toEqual(["a", "b", "c", "d"]);
  expect(listWords("a;b\vc")).toEqual(["a;b\vc"]);
  expect(listWords(" ,")).toEqual([]);
});
