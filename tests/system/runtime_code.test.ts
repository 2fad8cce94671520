/** What the agent relies on in the runtime about compiled code, and no documentation promises. */
import { describe, expect, test } from "bun:test";
import { runApart, RUNTIME } from "../support/runtime.ts";

/** Whether the runtime compiles what a program does often: under its first policy, and the usual one. */
async function compilations(): Promise<readonly boolean[]> {
  const { numberOfDFGCompiles } = await import("bun:jsc");
  const work = (times: number) => {
    let sum = 0;
    for (let at = 0; at < times; at++) sum = (sum * 31 + at) | 0;
    return sum;
  };
  const isCompiled = async (patience: number) => {
    for (let round = 0; round < 20_000; round++) work(100);
    for (const end = Date.now() + patience; Date.now() < end; await Bun.sleep(10)) {
      if (numberOfDFGCompiles(work) > 0) return true;
    }
    return false;
  };
  if (process.env.POLICY !== undefined) Bun.unsafe.setJITPolicy(Number(process.env.POLICY));
  const first = await isCompiled(1_000);
  Bun.unsafe.setJITPolicy(1);
  return [first, await isCompiled(60_000)];
}

/** For how many functions a program keeps code that has made 1,000; with SHRINK it has called shrink(). */
async function functionsWithCode(): Promise<number> {
  const { heapStats } = await import("bun:jsc");
  const count = () => heapStats().objectTypeCounts.FunctionCodeBlock ?? 0;
  const functions = Array.from({ length: 1000 }, (_, seed) => new Function(`return ${seed}`));
  for (const call of functions) call();
  // What is collected is their code, and not they themselves.
  Object.assign(globalThis, { functions });
  Bun.gc(true);
  if (process.env.SHRINK !== undefined) Bun.shrink();
  for (let wait = 0; wait < 20 && count() > 500; wait++) await Bun.sleep(100);
  return count();
}

describe(`compiled code of ${RUNTIME},`, () => {
  const policy = "1000000";

  test.each([
    ["setJITPolicy()", { env: { POLICY: policy } }],
    ["--compile-jit-policy", { flags: [`--compile-jit-policy=${policy}`] }],
  ])("is not made where %s says so, until setJITPolicy(1)", async (_, running) => {
    expect(await runApart(compilations, running)).toEqual([false, true]);
  });

  test("is made early where nothing is said", async () => {
    expect(await runApart(compilations)).toEqual([true, true]);
  });

  test("is given up at shrink(), and not by a collection alone", async () => {
    expect(await runApart(functionsWithCode)).toBeGreaterThan(500);
    expect(await runApart(functionsWithCode, { env: { SHRINK: "1" } })).toBeLessThan(500);
  });
});
