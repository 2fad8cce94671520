import type { Config } from "../config/config.ts";
import { loadForOneCommand } from "../config/load_for_one_command.ts";
import { FACILITIES, type Log } from "../log.ts";
import { configFiles } from "../config/config_files.ts";
import { type LogCopy, type OpenLog, openLog } from "../system/open_log.ts";

/** The log until nrpe.cfg has been read. */
const EARLY_LOG = {
  log_facility: FACILITIES.daemon,
  log_file: undefined,
  log_format: "text",
  disable_syslog: false,
  debug: false,
} as const;

/**
 * Opens the log of an agent that has no configuration yet.
 * @param copy Gets the lines too.
 */
export function openEarlyLog(copy?: LogCopy): OpenLog {
  return openLog(EARLY_LOG, copy);
}

/** The configuration of a process for one client, and its log. */
export interface Start {
  readonly config: Config;
  readonly log: Log;
}

/**
 * Reads nrpe.cfg and opens the log that it names, for a process that serves one client. Errors are
 * logged, and warnings with them; warnings alone are not, since they would be with every client.
 * @returns undefined where the configuration has errors.
 */
export async function readConfiguration(path: string): Promise<Start | undefined> {
  const config = await loadForOneCommand(path, configFiles);
  if (config !== undefined) return { config, log: openLog(config) };
  const { readAndLog } = await import("./logged_config.ts");
  return readAndLog(path);
}
