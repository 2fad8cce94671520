import { type LogLine, Severity } from "../log.ts";
import { openLog } from "../system/open_log.ts";
import { makeGeneration } from "./generation.ts";
import { addressesToListenOn, type ListenAddress, type Listeners } from "./listeners.ts";
import { type DaemonProcess, logListening, sourcesOf } from "./start_daemon.ts";

/** Calls a function at each SIGHUP; signals that arrive during a call lead to one more call. */
export function onHangup(act: () => Promise<void>): void {
  let state: "idle" | "acting" | "once more" = "idle";
  process.on("SIGHUP", async () => {
    if (state !== "idle") {
      state = "once more";
      return;
    }
    try {
      do {
        state = "acting";
        await act();
      } while (state as string === "once more");
    } finally {
      state = "idle";
    }
  });
}

/** Reads the configuration again and applies all of it, or, where something is wrong, nothing. */
export async function reload(daemon: DaemonProcess, listeners: Listeners): Promise<void> {
  const { options, resolve, log, generation: old } = daemon;
  const { invocation, inherited } = options;
  log(Severity.notice, "Caught SIGHUP - restarting...");
  const refuse = (lines: readonly LogLine[]) => {
    for (const { severity, message } of lines) log(severity, message);
    log(
      Severity.error,
      `Config file '${invocation.config}' cannot be put in force, the old configuration stays`,
    );
  };
  const result = await makeGeneration({ ...sourcesOf(options), resolve, log, current: old });
  if (result.kind === "failure") return refuse(result.lines);
  const { generation } = result;
  const { config } = generation;
  let opened: readonly ListenAddress[] = [];
  if (inherited.length === 0) {
    try {
      const addresses = await addressesToListenOn(config, invocation.family);
      opened = listeners.move(addresses, config.listen_queue_size);
    } catch (error) {
      generation.allowList.close();
      return refuse([{ severity: Severity.error, message: (error as Error).message }]);
    }
  }
  daemon.generation = generation;
  old.allowList.close();
  daemon.openLog.close();
  daemon.openLog = openLog(config, options.copy);
  for (const { severity, message } of result.lines) log(severity, message);
  logListening(opened, config, log);
}
