/**
 * `deno task fuzz [PART...] [OPTION...]`: feeds the agent what no client and no administrator means to.
 * It stops at the first fault, and writes the inputs to files.
 */
import { parseArgs } from "node:util";
import { fetchPeers, seeingPeers } from "../support/fetch_peers.ts";
import { OPTIONS, PARTS, readOrder } from "./fuzz_options.ts";

const WORKER = `${import.meta.dir}/worker.ts`;

const HELP = `Usage: deno task fuzz [PART...] [OPTION...]

Parts, all of them if none is named:
${await listParts()}
Options:
  --seed=N             the number of the first input (default: 1). The same number, the same input
  --count=N            how many inputs (default: 1000)
  --seconds=N          stop after so many seconds instead
  --reference-every=N  show the C agent, or tcpdmatch, one input in N (default: 1)
  --c-agent=PATH       a C agent that was built with --enable-command-args, for the part arguments
  --keep=DIR           where inputs with faults are written to (default: the working directory)
  --no-replay          leave out the inputs of tests/fuzz/found
  --quiet              do not say how far it is

Run it as root on Debian. A fault ends the run with status 1.
`;

async function listParts(): Promise<string> {
  let text = "";
  for (const [name, load] of Object.entries(PARTS)) {
    text += `  ${name.padEnd(14)} ${(await load()).about}\n`;
  }
  return text;
}

/** Runs the parts, each in a process that sees the peers; returns whether nothing was found. */
function fuzz(args: readonly string[]): boolean {
  const { positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const names = positionals.length > 0 ? positionals : Object.keys(PARTS);
  const unknown = names.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) {
    throw new Error(`${unknown} is none of ${Object.keys(PARTS).join(", ")}`);
  }
  const options = args.filter((arg) => !positionals.includes(arg));
  readOrder(options);
  fetchPeers();
  return names.every((name) => {
    const command = seeingPeers(process.execPath, WORKER, name, ...options);
    const { exitCode } = Bun.spawnSync(command, {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
    return exitCode === 0;
  });
}

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) console.log(HELP);
else {
  try {
    process.exit(fuzz(args) ? 0 : 1);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
