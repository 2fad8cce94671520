/**
 * Compiles the agent: `deno task build`. The release, and the empty program that the bench measures, are
 * compiled with the same flags.
 *
 * Usage: bun tools/build.ts
 */
import { join } from "node:path";

/** The checkout. */
const ROOT = join(import.meta.dir, "..");

/** How programs are compiled: `bun build --help` has the flags. */
const FLAGS = [
  ...["--compile", "--minify", "--bytecode", "--format=esm", "--splitting"],
  "--compile-jit-policy=100",
  ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
  "--compile-exec-argv=--disallow-code-generation-from-strings=strict",
] as const;

/** How long a compiler may take, in milliseconds. */
const LIMIT = 120_000;

/** What to compile. */
export interface Compilation {
  /** The directory of the sources. */
  readonly root: string;
  /** The file to begin with, from there. */
  readonly entry: string;
  readonly outfile: string;
  /** The commit that `-V` names; empty where it is not known. */
  readonly commit: string;
  /** What to compile for; undefined: this machine, with the runtime that compiles. */
  readonly target?: {
    /** The target's name in `bun build`. */
    readonly name: string;
    /** The path of its runtime. */
    readonly runtime: string;
  };
  /** The runtime that compiles; the one that runs this, where it is left out. */
  readonly compiler?: string;
}

/**
 * Compiles a program.
 *
 * @throws {Error} when it cannot be compiled, with what the compiler says.
 */
export function compile(compilation: Compilation): void {
  const { root, entry, outfile, commit, target, compiler = process.execPath } = compilation;
  const command = [
    ...[compiler, "build", entry, ...FLAGS],
    ...target === undefined
      ? []
      : [`--target=${target.name}`, `--compile-executable-path=${target.runtime}`],
    ...["--define", `NRPE_COMMIT=${JSON.stringify(commit)}`, "--outfile", outfile],
  ];
  const { exitCode, signalCode, stderr } = Bun.spawnSync(command, { cwd: root, timeout: LIMIT });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr || signalCode}`);
}

/** The commit of a checkout, with `-dirty` behind it where files have changed; empty where it is none. */
export function commitOf(root: string): string {
  const { exitCode, stdout } = Bun.spawnSync(
    ["git", "--git-dir=.git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"],
    { cwd: root, stderr: "ignore" },
  );
  return exitCode === 0 ? stdout.toString().trim() : "";
}

if (import.meta.main) {
  const commit = commitOf(ROOT);
  compile({ root: ROOT, entry: "main.ts", outfile: join("dist", "nrpe"), commit });
}
