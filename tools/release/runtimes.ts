import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";
import { type Target, TARGETS } from "./targets.ts";

/** A runtime that binaries are made of. */
export interface Runtime {
  /** Its package in the npm registry. */
  readonly package: string;
  readonly version: string;
  /** The SHA-512 of the package's file, as `deno.lock` has it: `sha512-` and base64. */
  readonly integrity: string;
}

/** The runtime of a target: the version that `deno.json` pins, and the hash of `deno.lock`. */
export function runtimeOf(root: string, { runtime }: Target): Runtime {
  const { imports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const { npm } = JSON.parse(readFileSync(join(root, "deno.lock"), "utf8"));
  const version = /^npm:bun@(.+)$/.exec(imports.bun)?.[1];
  const integrity = npm[`${runtime}@${version}`]?.integrity;
  if (version === undefined || !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity)) {
    throw new Error(`deno.lock has no SHA-512 of ${runtime}@${version}`);
  }
  return { package: runtime, version, integrity };
}

/** Fetches the runtimes of all targets, and returns their paths. */
export function fetchRuntimes(root: string): ReadonlyMap<Target, string> {
  return new Map(TARGETS.map((target) => [target, fetchRuntime(root, runtimeOf(root, target))]));
}

/**
 * The path of a runtime, which is fetched from the npm registry at the first time. What is kept is the
 * package's file; it is compared with its hash, and unpacked anew, each time.
 *
 * @throws {Error} when it cannot be had, or is another file than the one that is pinned.
 */
function fetchRuntime(root: string, runtime: Runtime): string {
  const directory = join(root, ".release", "runtimes");
  mkdirSync(directory, { recursive: true });
  const archive = join(directory, archiveName(runtime));
  if (!existsSync(archive)) download(runtime, directory, archive);
  verifyIntegrity(archive, runtime);
  const unpacked = archive.replace(/\.tgz$/, "");
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked);
  run(unpacked, "tar", "-xzf", archive, "--strip-components=1", "package/bin/bun");
  return join(unpacked, "bin", "bun");
}

/** The name that `npm pack` gives the file of a package. */
function archiveName({ package: name, version }: Runtime): string {
  return `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
}

function download(runtime: Runtime, directory: string, archive: string): void {
  const { package: name, version } = runtime;
  console.log(`Fetching ${name} ${version}`);
  // Half a file never has the name of a whole one.
  const temporary = mkdtempSync(join(directory, "fetch-"));
  try {
    run(temporary, "npm", "pack", "--silent", "--ignore-scripts", `${name}@${version}`);
    renameSync(join(temporary, archiveName(runtime)), archive);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** @throws {Error} when a file is not the one that is pinned; it is removed. */
export function verifyIntegrity(archive: string, { package: name, version, integrity }: Runtime) {
  const digest = new Bun.CryptoHasher("sha512").update(readFileSync(archive)).digest("base64");
  if (`sha512-${digest}` === integrity) return;
  rmSync(archive);
  throw new Error(`${name}@${version} is sha512-${digest}, and deno.lock has ${integrity}`);
}
