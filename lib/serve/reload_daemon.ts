import { type LogLine, Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import { forbidNewPrivileges } from "../system/no_new_privileges.ts";
import { openLog } from "../system/open_log.ts";
import { closeGeneration, makeGeneration } from "./generation.ts";
import { addressesToListenOn, type ListenAddress, type Listeners } from "./listeners.ts";
import { type DaemonProcess, logListening, sourcesOf } from "./start_daemon.ts";

/**
 * Makes a function that reloads, one time after the other: calls that come meanwhile lead to one more.
 * Reloads take at most half of the time, so that a storm of signals leaves the other half to clients.
 * @param act Reloads for a reason.
 */
export function oneAtATime(
  act: (reason: string) => Promise<void>,
): (reason: string) => Promise<void> {
  let acting: Promise<void> | undefined;
  let again: string | undefined;
  /** When the next one may begin, in milliseconds of {@link now}. */
  let next = 0;
  const actOn = async (first: string) => {
    try {
      for (let reason: string | undefined = first; reason !== undefined; reason = again) {
        const rest = next - now();
        if (rest > 0) await Bun.sleep(rest);
        again = undefined;
        const begun = now();
        await act(reason);
        next = 2 * now() - begun;
      }
    } finally {
      acting = undefined;
    }
  };
  return (reason) => {
    if (acting === undefined) acting = actOn(reason);
    else again = reason;
    return acting;
  };
}

/**
 * Reads the configuration again and applies all of it, or, where something is wrong, nothing.
 * @param reason What the log says first.
 */
export async function reload(
  daemon: DaemonProcess,
  listeners: Listeners,
  reason: string,
): Promise<void> {
  const { options, resolve, log, generation: old } = daemon;
  const { invocation, inherited } = options;
  log(Severity.notice, reason);
  const refuse = (lines: readonly LogLine[]) => {
    for (const { severity, message } of lines) log(severity, message);
    log(
      Severity.error,
      `Config file '${invocation.config}' cannot be put in force, the old configuration stays`,
    );
  };
  const result = await makeGeneration({ ...sourcesOf(options), resolve, log, current: old });
  daemon.hasChanged = result.hasChanged;
  if (result.kind === "failure") return refuse(result.lines);
  const { generation } = result;
  const { config } = generation;
  let opened: readonly ListenAddress[] = [];
  try {
    if (inherited.length === 0) {
      const addresses = await addressesToListenOn(config, invocation.family);
      opened = listeners.move(addresses, config.listen_queue_size);
    }
    // Last, since it cannot be undone.
    if (config.no_new_privs) forbidNewPrivileges();
  } catch (error) {
    closeGeneration(generation);
    return refuse([{ severity: Severity.error, message: (error as Error).message }]);
  }
  daemon.generation = generation;
  closeGeneration(old);
  daemon.openLog.close();
  daemon.openLog = openLog(config, options.copy);
  for (const { severity, message } of result.lines) log(severity, message);
  if (old.config.no_new_privs && !config.no_new_privs) {
    log(Severity.warning, "Warning: no_new_privs=0 counts from the next start on");
  }
  logListening(opened, config, log);
}
