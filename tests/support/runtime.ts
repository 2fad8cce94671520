import { join } from "node:path";
import { makeRoom, type Room } from "./room.ts";

/** The version of the runtime that the contract tests, `tests/system/runtime_*`, were tried with. */
const TRIED_WITH = "1.4.5";

/** What contract tests are about. */
export const RUNTIME = `Bun ${Bun.version}, tried with ${TRIED_WITH}`;

/** How a program of a test is to be run. */
export interface Running {
  readonly env?: Readonly<Record<string, string>>;
  /** A command that becomes the runtime. */
  readonly through?: readonly string[];
  /** What the function is called with, as JSON can carry it. */
  readonly args?: readonly unknown[];
  /** Flags to compile it with; where they are missing it is not compiled. */
  readonly flags?: readonly string[];
}

/**
 * Calls a function in a runtime of its own.
 * @param program May use nothing from outside of it.
 * @returns What the function returned, as JSON can carry it.
 * @throws {Error} when it failed.
 */
export async function runApart<Result>(
  // deno-lint-ignore no-explicit-any
  program: (...args: any[]) => Result | Promise<Result>,
  { env = {}, through = [], args = [], flags }: Running = {},
): Promise<Result> {
  using room = makeRoom();
  // Not with -e, where the runtime was seen to start no compiler.
  const file = room.file("program.js", textOf(program, args));
  const runtime = Bun.spawn([...through, ...compile(room, file, flags)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/bin:/bin", ...env },
    cwd: "/",
  });
  const [output, complaint] = await Promise.all([runtime.stdout.text(), runtime.stderr.text()]);
  if (await runtime.exited !== 0) throw new Error(`The program failed: ${complaint}`);
  return JSON.parse(output);
}

function textOf(program: unknown, args: readonly unknown[]): string {
  return `process.stdout.write(JSON.stringify(await (${program})(...${JSON.stringify(args)})))`;
}

/** The command that runs a program. */
function compile(room: Room, file: string, flags: readonly string[] | undefined): string[] {
  if (flags === undefined) return [process.execPath, file];
  const outfile = join(room.path, "program");
  const build = [process.execPath, "build", file, "--compile", ...flags, "--outfile", outfile];
  const built = Bun.spawnSync(build, { cwd: room.path });
  if (built.exitCode !== 0) throw new Error(`It cannot be compiled: ${built.stderr}`);
  return [outfile];
}
