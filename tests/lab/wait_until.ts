/** How long a condition may take to come true before a test fails, in milliseconds. */
const PATIENCE = 20_000;

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
