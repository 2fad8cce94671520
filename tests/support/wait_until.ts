/**
 * How long a condition may take to come true before a test fails, in milliseconds: long for a machine
 * that has other things to do, and less than a test may take, so that the reason is reported.
 */
const PATIENCE = 120_000;

/**
 * Waits until a condition holds.
 * @throws {Error} naming `what` when it does not come true.
 */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await Bun.sleep(5)) {
    if (await condition()) return;
  }
  throw new Error(`Waited in vain: ${what}`);
}
