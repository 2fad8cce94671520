/**
 * Makes the files of a release from the commit that is checked out, in dist/release/nrpe-VERSION/.
 *
 * Usage: bun tools/release.ts [--verify] [--check] [--sign-with KEY]
 *
 * - `--verify` makes them once more, in another directory, and compares all bytes.
 * - `--check` runs each binary, as root on Debian for x64: see tools/release/check.ts.
 * - `--sign-with` signs SHA256SUMS with a private key of SSH, by ssh-keygen(1).
 *
 * Files that are there and were made of this commit are not made again. docs/release.md says more. The
 * exit status is 1 when something fails or differs.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkRelease } from "./release/check.ts";
import { makeFiles, makeRelease } from "./release/make.ts";
import { sign } from "./release/sign.ts";
import { type Sources, sourcesOf } from "./release/sources.ts";
import { sumsOf } from "./release/sums.ts";
import { makeTemporary } from "./release/temporary.ts";

const ROOT = join(import.meta.dir, "..");
const USAGE = "Usage: deno task release [--verify] [--check] [--sign-with KEY]";

function readOptions(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      verify: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      "sign-with": { type: "string" },
    },
  }).values;
}

/** Whether a directory has whole files of this commit. */
async function isMade({ version, revision }: Sources, directory: string): Promise<boolean> {
  const sums = join(directory, "SHA256SUMS");
  if (!existsSync(sums)) return false;
  const { metadata } = JSON.parse(
    readFileSync(join(directory, `nrpe-${version}.cdx.json`), "utf8"),
  );
  const [property] = metadata.component.properties;
  return property.value === revision && readFileSync(sums, "utf8") === await sumsOf(directory);
}

/** @throws {Error} when a second making gives other bytes. */
async function verify(sources: Sources, directory: string): Promise<void> {
  const files = makeTemporary("verify");
  console.log("Making them once more, elsewhere");
  await makeFiles(sources, files, ["another", "deeper", "directory"]);
  const [first, again] = [directory, files].map((path) =>
    readFileSync(join(path, "SHA256SUMS"), "utf8")
  );
  if (first !== again) throw new Error(`They differ:\n${first}\n${again}`);
  console.log("The same sources gave the same bytes");
}

async function main(args: readonly string[]): Promise<number> {
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  try {
    const sources = sourcesOf(ROOT);
    const directory = join(ROOT, "dist", "release", `nrpe-${sources.version}`);
    if (!await isMade(sources, directory)) await makeRelease(sources, directory);
    if (options.verify) await verify(sources, directory);
    if (options.check) await checkRelease(sources, directory);
    if (options["sign-with"] !== undefined) sign(directory, options["sign-with"]);
    console.log(`\n${readFileSync(join(directory, "SHA256SUMS"), "utf8")}\nin ${directory}`);
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  }
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
