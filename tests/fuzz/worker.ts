/**
 * Tries the inputs of one part: `bun worker.ts PART [--seed=N] [--count=N] [--seconds=N] ...`, see
 * {@link file://./fuzz.ts}. It sees the programs of the peers already.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../support/random.ts";
import { FOUND, type Order, PARTS, readOrder } from "./fuzz_options.ts";
import type { Fault, Part } from "./part.ts";

/** An input that is kept, with what it is about. */
interface Kept {
  readonly why: string;
  readonly input: unknown;
}

/** Tries the inputs that are kept, then those of the numbers; returns whether nothing was found. */
async function fuzz<Input>(name: string, part: Part<Input>, order: Order): Promise<boolean> {
  const began = Date.now();
  let stopped = false;
  // What has been started is to be ended.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped = true);
  await using trial = await part.start(order);
  let tried = 0;
  const directory = join(FOUND, name);
  const files = order.replay ? readdirSafely(directory) : [];
  const kept = files.map((file) => {
    const { input } = JSON.parse(readFileSync(join(directory, file), "utf8")) as Kept;
    return { file, input: part.read(input) };
  });
  if (kept.length > 0) {
    const faults = await trial.run(kept.map(({ input }) => input), true);
    tried += kept.length;
    for (const { what, input } of faults) {
      const file = kept.find((one) => one.input === input)?.file ?? "";
      console.log(`${name}: found/${name}/${file}: ${what}`);
    }
    if (faults.length > 0) return false;
  }
  const end = order.seconds === undefined ? Infinity : began + order.seconds * 1000;
  const last = order.seed + order.count;
  for (let number = order.seed; number < last && Date.now() < end && !stopped;) {
    const inputs: Input[] = [];
    for (; inputs.length < part.batch && number < last; number++) {
      inputs.push(trial.make(seededRandom(number)));
    }
    const faults = await trial.run(inputs, false);
    // A signal, which is heard of when the event loop turns, may have ended the agents, too.
    await Bun.sleep(0);
    if (stopped) break;
    tried += inputs.length;
    if (faults.length > 0) {
      report(name, part, faults, { inputs, first: number - inputs.length }, order);
      return false;
    }
    if (order.progress) console.error(`${name}: ${tried} inputs, next seed ${number}`);
  }
  const seconds = Math.round((Date.now() - began) / 1000);
  const seen = Object.entries(trial.counts()).map(([what, count]) => `${what} ${count}`).join(", ");
  console.log(
    `${name}: ${tried} inputs from seed ${order.seed}, ${seconds} s, nothing found (${seen})`,
  );
  return true;
}

function readdirSafely(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((file) => file.endsWith(".json")).sort();
  } catch {
    return [];
  }
}

/** How many faults are told of at most. */
const MOST_TOLD = 10;

/** Says what was found, and writes the inputs to files. */
function report<Input>(
  name: string,
  part: Part<Input>,
  faults: readonly Fault<Input>[],
  { inputs, first }: { readonly inputs: readonly Input[]; readonly first: number },
  { keep }: Order,
): void {
  console.log(`${name}: found with seeds ${first} to ${first + inputs.length - 1}:`);
  mkdirSync(keep, { recursive: true });
  for (const { what, input } of faults.slice(0, MOST_TOLD)) {
    console.log(`  ${what}`);
    if (input === undefined) continue;
    const seed = first + inputs.indexOf(input);
    const file = join(keep, `${name}-${seed}.json`);
    writeFileSync(file, `${JSON.stringify({ why: what, input: part.write(input) })}\n`);
    console.log(`    seed ${seed}, ${file}`);
  }
  if (faults.length > MOST_TOLD) console.log(`  and ${faults.length - MOST_TOLD} more`);
}

const [name, ...args] = process.argv.slice(2);
const part = await PARTS[name as keyof typeof PARTS]!();
const ok = await fuzz(name!, part as Part<unknown>, readOrder(args));
process.exit(ok ? 0 : 1);
