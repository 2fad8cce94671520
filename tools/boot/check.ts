import type { Machine } from "./machine.ts";

/** Something that a booted host has to do. It begins with a host as at first. */
export interface Check<Host = Machine> {
  readonly name: string;
  /** @throws {Error} when the host does otherwise. */
  readonly run: (host: Host) => Promise<void>;
}

/** A check with the host that it takes. */
export interface Planned {
  readonly name: string;
  /** @throws {Error} when something is otherwise. */
  readonly run: () => void | Promise<void>;
}

let stopped = false;

/**
 * Whether this user can boot hosts; says so where not. From then on SIGHUP, SIGINT and SIGTERM make the
 * check that runs the last one, so that the host is shut down.
 */
export function readyToBoot(): boolean {
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(signal, () => stopped = true);
  if (process.getuid?.() === 0) return true;
  console.error("Only root can boot a systemd in namespaces");
  return false;
}

/**
 * Runs the checks whose names have one of some words, or all where there is no word, and says how they
 * went.
 *
 * @param after Called after each check.
 * @returns The exit status: 1 when a check fails.
 */
export async function runPlanned(
  checks: readonly Planned[],
  words: readonly string[],
  after: () => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const chosen = checks.filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );
  let failed = 0;
  for (const { name, run } of chosen) {
    if (stopped) {
      console.log("Stopped");
      return 1;
    }
    try {
      await run();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      const text = (error as Error).message.replaceAll("\n", "\n        ");
      console.log(`not ok  ${name}\n        ${text}`);
    }
    await after();
  }
  console.log(`${chosen.length - failed} of ${chosen.length} checks passed`);
  return failed === 0 ? 0 : 1;
}

/**
 * Runs checks on one host, see {@link runPlanned}.
 *
 * @param boot Boots the host, once.
 * @returns The exit status: 1 when a check fails, or where the user is not root.
 */
export async function runChecks<Host extends AsyncDisposable>(
  checks: readonly Check<Host>[],
  words: readonly string[],
  boot: () => Promise<Host>,
  reset: (host: Host) => Promise<void>,
): Promise<number> {
  if (!readyToBoot()) return 1;
  await using host = await boot();
  const planned = checks.map(({ name, run }) => ({ name, run: () => run(host) }));
  return await runPlanned(planned, words, () => reset(host));
}

/** @throws {Error} when a claim does not hold. */
export function expectThat(claim: string, holds: boolean): void {
  if (!holds) throw new Error(`Not so: ${claim}`);
}

/** @throws {Error} when a text is another one. */
export function expectEqual(expected: string, text: string): void {
  if (text !== expected) {
    throw new Error(`Expected ${JSON.stringify(expected)}, got ${JSON.stringify(text)}`);
  }
}
