import { inheritedVariables } from "../command/environment.ts";
import { forbidDumps } from "../system/core_dump.ts";

/**
 * Keeps keys and requests in this process: no core dump, and no other process of the agent's user may
 * read its memory.
 *
 * @throws {SystemError}
 */
export function keepMemoryPrivate(): void {
  // /proc/self/environ cannot be opened any more from then on.
  inheritedVariables();
  forbidDumps();
}
