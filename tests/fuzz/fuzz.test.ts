/**
 * A short run of every part of the fuzzer, with fixed seeds: `deno task fuzz` takes as long as one
 * likes. What was found before comes first.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { peersMissing } from "../support/peers.ts";
import { makeRoom } from "../support/room.ts";
import { PARTS } from "./fuzz_options.ts";

/** How many inputs of each part take a second or two. Access tables have a test of their own. */
const COUNTS: Readonly<Record<Exclude<keyof typeof PARTS, "access">, number>> = {
  decoder: 10_000,
  arguments: 25,
  config: 300,
  conversations: 250,
  "state-file": 150,
  tls: 60,
};

const SEED = 1;

const PARTS_TRIED = await Promise.all(
  Object.entries(COUNTS).map(async ([name, count]) => {
    const { peers } = await PARTS[name as keyof typeof COUNTS]();
    return { name, count, skip: peers.length > 0 && peersMissing(...peers) };
  }),
);

describe("the fuzzer", () => {
  for (const { name, count, skip } of PARTS_TRIED) {
    test.concurrent.skipIf(skip)(
      `finds nothing in ${count} inputs of ${name} (seed ${SEED})`,
      async () => {
        using room = makeRoom();
        const worker = Bun.spawn([
          ...[process.execPath, join(import.meta.dir, "worker.ts"), name],
          ...[`--seed=${SEED}`, `--count=${count}`, `--keep=${room.path}`, "--quiet"],
        ], { stdio: ["ignore", "pipe", "pipe"] });
        const [out, err] = await Promise.all([worker.stdout.text(), worker.stderr.text()]);
        const files = [...new Bun.Glob("*.json").scanSync(room.path)];
        const inputs = files.map((file) => readFileSync(join(room.path, file), "utf8"));
        expect({ status: await worker.exited, said: out + err, inputs })
          .toEqual({ status: 0, said: expect.stringContaining("nothing found"), inputs: [] });
      },
    );
  }
});
