/** What the agent relies on in the runtime about its own process, and no documentation promises. */
import { describe, expect, test } from "bun:test";
import { RUNTIME_SETTINGS } from "../../lib/serve/runtime_threads.ts";
import { bindLibc } from "../../lib/system/libc.ts";
import { runApart, RUNTIME } from "../support/runtime.ts";
import { waitUntil } from "../support/wait_until.ts";

/** The names of the threads beside the main one that a program has had with much to compile and collect. */
async function threadsOfBusyProgram(): Promise<readonly string[]> {
  const { readdirSync, readFileSync } = await import("node:fs");
  const own = readFileSync("/proc/self/comm", "latin1").trim();
  const threads = new Set<string>();
  const functions = Array.from({ length: 40 }, (_, seed) =>
    new Function(
      "times",
      `let sum = ${seed}; for (let at = 0; at < times; at++) sum = (sum * 31 + at) | 0; return { sum, all: [sum] };`,
    ));
  let kept: unknown[] = [];
  for (let round = 0; round <= 6000; round++) {
    for (const call of functions) kept.push(call(50));
    if (round % 300 !== 0) continue;
    kept = [];
    Bun.gc(false);
    await Bun.sleep(1);
    for (const task of readdirSync("/proc/self/task")) {
      if (task === String(process.pid)) continue;
      try {
        const name = readFileSync(`/proc/self/task/${task}/comm`, "latin1").trim();
        // A thread has the program's name until it gives itself another.
        if (name !== own) threads.add(name);
      } catch {
        // It has ended.
      }
    }
  }
  return [...threads].sort();
}

describe(`a process of ${RUNTIME},`, () => {
  test.each([["SIGIO", 29], ["SIGCHLD", 17]] as const)(
    "hears %s each time, and at least one of several at once",
    async (name, number) => {
      const libc = bindLibc({ kill: { args: ["i32", "i32"], returns: "i32" } });
      let heard = 0;
      const listener = () => void heard++;
      process.on(name, listener);
      try {
        for (let time = 0; time < 50; time++) {
          heard = 0;
          for (let sent = 0; sent <= time % 10; sent++) libc.kill(process.pid, number);
          await waitUntil(`${name} is heard`, () => heard > 0);
        }
      } finally {
        process.off(name, listener);
      }
    },
  );

  test("has threads that compile, collect and prepare memory, but none of them with the agent's settings", async () => {
    const always = ["mi-scavenger"];
    const usual = await runApart(threadsOfBusyProgram);
    expect(usual).toEqual(["HeapHelper", "JITWorker", "JSCWarmUp", ...always]);
    expect(await runApart(threadsOfBusyProgram, { env: RUNTIME_SETTINGS })).toEqual(always);
  });

  test("has raised its soft limit of open files to the hard one", async () => {
    const limits = async () => {
      const { readFileSync } = await import("node:fs");
      return /^Max open files +([0-9]+) +([0-9]+) /m.exec(
        readFileSync("/proc/self/limits", "latin1"),
      )!.slice(1);
    };
    const through = ["prlimit", "--nofile=256:2048"];
    expect(await runApart(limits, { through })).toEqual(["2048", "2048"]);
  });
});
