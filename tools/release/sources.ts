import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commitOf } from "../build.ts";
import { run } from "./run.ts";

/** What a release is made of: a commit of a checkout. */
export interface Sources {
  /** The checkout. */
  readonly root: string;
  /** The commit as `-V` names it. */
  readonly commit: string;
  /** Its full name. */
  readonly revision: string;
  /** When it was made, in seconds since 1970. */
  readonly time: number;
  readonly version: string;
}

/**
 * The sources that a checkout has.
 *
 * @throws {Error} when files have changed or are not committed, or the version has no date in
 * CHANGELOG.md.
 */
export function sourcesOf(root: string): Sources {
  const changes = run(root, "git", "status", "--porcelain");
  if (changes !== "") {
    throw new Error(`A release is made of a commit, and these are not:\n${changes}`);
  }
  const { version } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  if (!hasDate(readFileSync(join(root, "CHANGELOG.md"), "utf8"), version)) {
    throw new Error(`CHANGELOG.md has no line "## ${version} - YYYY-MM-DD"`);
  }
  return {
    root,
    commit: commitOf(root),
    revision: run(root, "git", "rev-parse", "HEAD").trim(),
    time: Number(run(root, "git", "log", "-1", "--format=%ct")),
    version,
  };
}

/** Whether a change log has a version with a date. */
export function hasDate(log: string, version: string): boolean {
  return log.split("\n").some((line) =>
    line.startsWith(`## ${version} - `) && /^\d{4}-\d{2}-\d{2}$/.test(line.split(" - ")[1]!)
  );
}

/** Writes the files of the commit into a directory, which is made. */
export function exportTo({ root, revision }: Sources, directory: string): void {
  mkdirSync(directory, { recursive: true });
  const archive = join(directory, ".sources.tar");
  run(root, "git", "archive", `--output=${archive}`, revision);
  run(directory, "tar", "-xf", archive);
  run(directory, "rm", archive);
}

/**
 * A tar archive of some paths of the commit, below a directory. Order, owner, modes and times are
 * git's: they depend on nothing but the commit.
 */
export function archiveOf(
  { root, revision }: Sources,
  directory: string,
  paths: readonly string[],
  output: string,
): void {
  const format = ["-c", "tar.umask=022", "archive", "--format=tar", `--prefix=${directory}/`];
  run(root, "git", ...format, `--output=${output}`, revision, ...paths);
}
