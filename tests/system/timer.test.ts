import { describe, expect, test } from "bun:test";
import { now } from "../../lib/system/libc.ts";
import { callAt } from "../../lib/system/timer.ts";

describe("callAt()", () => {
  test("never calls before the deadline, and at once where it has passed", async () => {
    const begin = now();
    const early = await Promise.all([-1000, 0, 0.3, 1, 1.7, 10, 33.3].map((delay) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      callAt(begin + delay, () => resolve(now() - (begin + delay)));
      return promise;
    }));
    expect(early.filter((rest) => rest < 0)).toEqual([]);
  });

  test("does not take a deadline of more than 24.8 days for one that has passed", async () => {
    const called: number[] = [];
    const days = 24 * 60 * 60 * 1000;
    const timers = [24, 25, 50, 100, 36500].map((time) =>
      callAt(now() + time * days, () => called.push(time))
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    callAt(now() + 20, resolve);
    await promise;
    for (const timer of timers) timer.cancel();
    expect(called).toEqual([]);
  });

  test("calls no more once it is cancelled", async () => {
    let calls = 0;
    const timers = [0, 5].map((delay) => callAt(now() + delay, () => calls++));
    for (const timer of timers) timer.cancel();
    await Bun.sleep(20);
    expect(calls).toBe(0);
  });
});
