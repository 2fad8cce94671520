import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../build.ts";
import { run } from "./run.ts";
import { fetchRuntimes, runtimeOf } from "./runtimes.ts";
import { type Binary, sbomOf } from "./sbom.ts";
import { archiveOf, exportTo, type Sources } from "./sources.ts";
import { sha256, sumsOf } from "./sums.ts";
import { makeTemporary } from "./temporary.ts";
import { binaryName, type Target, TARGETS } from "./targets.ts";

/** What hosts need beside the binary, from the checkout. */
const DEPLOYED = ["deploy", "LICENSE", "CHANGELOG.md"];
const COMPRESSION = { level: 9, library: "libdeflate" } as const;

/**
 * Makes the files of a release in a directory.
 *
 * @param depth Directories between the temporary one and the exported sources, to show that the path
 * does not matter.
 * @throws {Error} when one of them cannot be made.
 */
export async function makeFiles(
  sources: Sources,
  directory: string,
  depth: readonly string[] = [],
): Promise<void> {
  const { root, version, commit } = sources;
  const runtimes = fetchRuntimes(root);
  const compiler = runtimes.get(ownTarget())!;
  const temporary = makeTemporary("release");
  const exported = join(temporary, ...depth, "sources");
  exportTo(sources, exported);
  const binaries: Binary[] = [];
  for (const target of TARGETS) {
    const name = binaryName(version, target);
    console.log(`Compiling ${name}`);
    const made = join(exported, "dist", "nrpe");
    const runtime = runtimes.get(target)!;
    compile({
      root: exported,
      entry: "main.ts",
      outfile: made,
      commit,
      target: { name: target.compileFor, runtime },
      compiler,
    });
    const content = readFileSync(made);
    writeExecutable(join(directory, name), content);
    // With the runtime's own library: another gzip may give other bytes.
    writeFileSync(join(directory, `${name}.gz`), Bun.gzipSync(content, COMPRESSION));
    const hash = await sha256(join(directory, name));
    binaries.push({ name, sha256: hash, runtime: runtimeOf(root, target) });
  }
  writeArchive(sources, temporary, directory);
  const versions = JSON.parse(
    run(temporary, compiler, "-p", "JSON.stringify(process.versions)"),
  );
  const sbom = `${JSON.stringify(sbomOf(sources, binaries, versions), null, 2)}\n`;
  writeFileSync(join(directory, `nrpe-${version}.cdx.json`), sbom);
  writeFileSync(join(directory, "SHA256SUMS"), await sumsOf(directory));
}

/** The target whose runtime runs on this machine, and compiles for all. */
function ownTarget(): Target {
  const own = TARGETS.find(({ architecture, libc }) =>
    architecture === process.arch && libc === "glibc"
  );
  if (own === undefined) throw new Error(`No runtime of the release runs on ${process.arch}`);
  return own;
}

function writeExecutable(path: string, content: Uint8Array): void {
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

function writeArchive(sources: Sources, temporary: string, directory: string): void {
  const name = `nrpe-${sources.version}-deploy`;
  const archive = join(temporary, `${name}.tar`);
  archiveOf(sources, name, DEPLOYED, archive);
  const compressed = Bun.gzipSync(readFileSync(archive), COMPRESSION);
  writeFileSync(join(directory, `${name}.tar.gz`), compressed);
}

/** Makes the files in a directory that has all of them or does not exist. */
export async function makeRelease(sources: Sources, directory: string): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  await makeFiles(sources, unfinished);
  rmSync(directory, { recursive: true, force: true });
  run(sources.root, "mv", unfinished, directory);
}
