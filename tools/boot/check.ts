import type { Machine } from "./machine.ts";

/** Something that a booted host has to do. It begins with a host as at first. */
export interface Check<Host = Machine> {
  readonly name: string;
  /** @throws {Error} when the host does otherwise. */
  readonly run: (host: Host) => Promise<void>;
}

let stopped = false;

/**
 * Runs the checks whose names have one of some words, or all where there is no word, and says how they
 * went. At SIGHUP, SIGINT and SIGTERM the check that runs is the last one.
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
  if (process.getuid?.() !== 0) {
    console.error("Only root can boot a systemd in namespaces");
    return 1;
  }
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(signal, () => stopped = true);
  const chosen = checks.filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );
  await using host = await boot();
  let failed = 0;
  for (const { name, run } of chosen) {
    if (stopped) {
      console.log("Stopped");
      return 1;
    }
    try {
      await run(host);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      const text = (error as Error).message.replaceAll("\n", "\n        ");
      console.log(`not ok  ${name}\n        ${text}`);
    }
    await reset(host);
  }
  console.log(`${chosen.length - failed} of ${chosen.length} checks passed`);
  return failed === 0 ? 0 : 1;
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
