import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Entry } from "./contents.ts";

/** Writes the files of a package below a directory. All have the same time. */
export function writeTree(root: string, entries: readonly Entry[], date: Date): void {
  for (const entry of entries) {
    const path = join(root, installedPath(entry));
    mkdirSync(entry.kind === "directory" ? path : dirname(path), { recursive: true });
    if (entry.kind === "directory") continue;
    const { content, compressed } = entry;
    if (typeof content !== "string") copyFileSync(content.copyOf, path);
    else writeFileSync(path, compressed ? gzip(content) : content);
    chmodSync(path, entry.mode);
  }
  settle(root, date);
}

/** Where an entry is on the system. */
export const installedPath = (entry: Entry) =>
  entry.kind === "file" && entry.compressed ? `${entry.path}.gz` : entry.path;

/** The size of a tree in KiB, as Debian counts: files rounded up, and one for all else. */
export function treeSize(root: string): number {
  return walk(root).reduce((sum, path) => {
    const status = lstatSync(path);
    return sum + (status.isFile() ? Math.ceil(status.size / 1024) : 1);
  }, 0);
}

/** The MD5 sums of the files of a tree, in the format of md5sum(1), with paths from its root. */
export function md5sums(root: string): string {
  return walk(root).filter((path) => lstatSync(path).isFile()).map((path) =>
    `${new Bun.CryptoHasher("md5").update(readFileSync(path)).digest("hex")}  ` +
    `${path.slice(root.length + 1)}\n`
  ).join("");
}

/** gzip(1) with -9n does the same everywhere, which zlib in one version or another does not. */
function gzip(text: string): Uint8Array {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["gzip", "-9nc"], {
    stdin: Buffer.from(text),
  });
  if (exitCode !== 0) throw new Error(`gzip ended with ${exitCode}: ${stderr.toString()}`);
  return stdout;
}

/** Gives directories their mode whatever the umask is, and everything its time. */
function settle(root: string, date: Date): void {
  for (const path of [root, ...walk(root)].reverse()) {
    if (lstatSync(path).isDirectory()) chmodSync(path, 0o755);
    utimesSync(path, date, date);
  }
}

/** All paths below a directory, in one order everywhere. */
function walk(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).sort()
    .map((name) => join(root, name));
}
