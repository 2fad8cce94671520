/** docs/SECURITY.md names a test for each promise: there is such a test. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./support/room.ts";

const PAGE = readFileSync(join(ROOT, "docs", "SECURITY.md"), "utf8");
const PROMISES = PAGE.split("## What is promised")[1]!.split("\n## ")[0]!;
const ROWS = PROMISES.split("\n").filter((line) =>
  line.startsWith("|") && !/^\| (promise|-)/.test(line)
);

describe("docs/SECURITY.md", () => {
  test("has promises", () => expect(ROWS.length).toBeGreaterThan(20));

  test.each(ROWS)("names a test that exists: %s", (row) => {
    const [, file, name] = /\| `(tests\/[\w/]+\.test\.ts)`, "([^|]+)" +\|$/.exec(row) ?? [];
    expect(file).toBeString();
    expect(existsSync(join(ROOT, file!))).toBe(true);
    // A name stands in the quotes of TypeScript, or of a template.
    const text = readFileSync(join(ROOT, file!), "utf8");
    expect([`"${name}"`, `\`${name}`].some((quoted) => text.includes(quoted))).toBe(true);
  });
});
