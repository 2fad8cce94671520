import { describe, expect, test } from "bun:test";
import { makeSemaphore } from "../../lib/access/semaphore.ts";

/** Work that lasts until end() or fail(). */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let begun = false;
  return {
    begun: () => begun,
    act: () => {
      begun = true;
      return promise;
    },
    end: () => resolve("done"),
    fail: () => reject(new Error("failed")),
  };
}

/** Lets what has been settled take effect. */
const settle = () => Bun.sleep(1);

describe("makeSemaphore()", () => {
  test("lets no more begin at once than may, and the others in their order", async () => {
    const semaphore = makeSemaphore(2);
    const works = Array.from({ length: 6 }, work);
    const begun = () => works.map((one) => one.begun());
    const results = works.map((one) => semaphore.run(60, one.act));
    await settle();
    expect(begun()).toEqual([true, true, false, false, false, false]);
    works[1]!.end();
    await settle();
    expect(begun()).toEqual([true, true, true, false, false, false]);
    works[0]!.end();
    works[2]!.end();
    await settle();
    expect(begun()).toEqual([true, true, true, true, true, false]);
    for (const one of works) one.end();
    expect(await Promise.all(results)).toEqual(works.map(() => "done"));
    expect(works[5]!.begun()).toBe(true);
  });

  test("gives a turn on when what had it fails", async () => {
    const semaphore = makeSemaphore(1);
    const [first, second] = [work(), work()];
    const failing = semaphore.run(60, first.act);
    const waiting = semaphore.run(60, second.act);
    first.fail();
    await expect(failing).rejects.toThrow("failed");
    second.end();
    expect(await waiting).toBe("done");
    expect(await semaphore.run(0, () => Promise.resolve("free again"))).toBe("free again");
  });

  test("gives up a turn that has not come in time, and none that has begun", async () => {
    const semaphore = makeSemaphore(1);
    const [first, late, next] = [work(), work(), work()];
    const slow = semaphore.run(0, first.act);
    expect(await semaphore.run(0.01, late.act)).toBeUndefined();
    expect(late.begun()).toBe(false);
    const waiting = semaphore.run(60, next.act);
    first.end();
    next.end();
    expect([await slow, await waiting]).toEqual(["done", "done"]);
  });
});
