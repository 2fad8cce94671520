import { describe, expect, test } from "bun:test";
import { fairQueue, type Waiting } from "../../lib/command/fair_queue.ts";

const waiting = (source: string): Waiting => ({ source, begin: () => {} });

/** The sources in the order in which a queue lets them go. */
function order(...sources: readonly string[]): string[] {
  const queue = fairQueue();
  for (const source of sources) queue.add(waiting(source));
  return sources.map(() => queue.take()?.source ?? "nobody");
}

describe("fairQueue()", () => {
  test.each([
    [["a"], ["a"]],
    [["a", "a", "a"], ["a", "a", "a"]],
    [["a", "b", "c"], ["a", "b", "c"]],
    [["a", "a", "a", "b"], ["a", "b", "a", "a"]],
    [["a", "a", "b", "b", "c"], ["a", "b", "c", "a", "b"]],
  ])("lets %j go as %j", (sources, expected) => {
    expect(order(...sources)).toEqual(expected);
  });

  test("keeps the order within a source", () => {
    const queue = fairQueue();
    const [first, second] = [waiting("a"), waiting("a")];
    queue.add(first);
    queue.add(waiting("b"));
    queue.add(second);
    expect(queue.take()).toBe(first);
    queue.take();
    expect(queue.take()).toBe(second);
    expect(queue.take()).toBeUndefined();
  });

  test("takes one out by remove(), once", () => {
    const queue = fairQueue();
    const [first, second] = [waiting("a"), waiting("a")];
    queue.add(first);
    queue.add(second);
    queue.remove(first);
    queue.remove(first);
    expect(queue.length).toBe(1);
    expect(queue.take()).toBe(second);
    queue.remove(second);
    expect(queue.length).toBe(0);
  });
});
