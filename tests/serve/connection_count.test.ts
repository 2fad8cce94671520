import { expect, test } from "bun:test";
import { Severity } from "../../lib/log.ts";
import { type ConnectionCount, countConnections } from "../../lib/serve/connection_count.ts";
import { rateLimitedLog } from "../../lib/serve/rate_limited_log.ts";

/** How many connections are counted: as many as the least limit that lets one more in leaves room for. */
function totalOf(count: ConnectionCount): number {
  for (let total = 1;; total++) {
    if (count.enter("one more", { total, perSource: 0 }) !== undefined) continue;
    count.leave("one more");
    return total - 1;
  }
}

test("countConnections() enforces both limits, and takes 0 for none", () => {
  const count = countConnections();
  const limits = { total: 3, perSource: 2 };
  expect(count.enter("a", limits)).toBeUndefined();
  expect(count.enter("a", limits)).toBeUndefined();
  expect(count.enter("a", limits)).toBe("source");
  expect(count.enter("b", limits)).toBeUndefined();
  expect(count.enter("c", limits)).toBe("total");
  expect(count.enter("c", { total: 0, perSource: 0 })).toBeUndefined();
  expect(totalOf(count)).toBe(4);
  count.leave("a");
  count.leave("c");
  expect(count.enter("a", limits)).toBeUndefined();
  for (const source of ["a", "a", "b"]) count.leave(source);
  expect(totalOf(count)).toBe(0);
});

test("rateLimitedLog() writes one line of a kind in ten seconds and counts the others", () => {
  const lines: [number, string][] = [];
  let now = 0;
  const rarely = rateLimitedLog(
    (severity, message) => void lines.push([severity, message]),
    () => now,
  );
  for (let time = 0; time < 5; time++) rarely("full", `full ${time}`);
  rarely("other", "other");
  now = 10_000;
  rarely("full", "full again");
  now = 10_001;
  rarely("full", "full once more");
  expect(lines).toEqual([
    [Severity.warning, "full 0"],
    [Severity.warning, "other"],
    [Severity.warning, "full again (and 4 more of this kind since the last such line)"],
  ]);
});
