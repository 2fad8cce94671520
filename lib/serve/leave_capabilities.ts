import { decodeBytes } from "../bytes.ts";
import { Severity } from "../log.ts";
import { giveUpCapabilities } from "../system/capabilities.ts";
import { readFile } from "../system/libc.ts";
import { openLogOf } from "./logged_config.ts";
import { startAgain } from "./start_again.ts";

/**
 * Gives up the capabilities that an agent of another user than root was started with, and logs which. The
 * threads of the runtime have theirs, so an agent with ambient ones executes itself once more, after
 * which no thread has any. Those of a file with capabilities would come again, and this thread alone,
 * which starts all programs, is without them.
 *
 * @param config The path of nrpe.cfg, which says where the log is.
 * @throws {SystemError}
 */
export function leaveCapabilities(config: string): void {
  const status = decodeBytes(readFile("/proc/self/status"));
  const set = (name: string) => new RegExp(`^${name}:\\s*(\\w+)$`, "m").exec(status)?.[1] ?? "";
  const ambient = set("CapAmb");
  giveUpCapabilities();
  const log = openLogOf(config);
  log(
    Severity.warning,
    `Warning: The agent was started with capabilities (permitted ${set("CapPrm")}, inheritable ` +
      `${set("CapInh")}, ambient ${ambient}) and gives them up: plugins get none of them`,
  );
  log.close();
  if (/[1-9a-f]/.test(ambient)) startAgain([]);
}
