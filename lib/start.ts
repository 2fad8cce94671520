import type { Config } from "./config/config.ts";
import { loadConfig } from "./config/load_config.ts";
import { FACILITIES, type Log, Severity } from "./log.ts";
import { configFiles } from "./system/config_files.ts";
import { openLog } from "./system/open_log.ts";

/** The log while nrpe.cfg has not been read, or cannot be. */
const EARLY_LOG = {
  log_facility: FACILITIES.daemon,
  log_file: undefined,
  disable_syslog: false,
  debug: false,
};

/** Opens the log of an agent that has no configuration. */
export function openEarlyLog(): Log {
  return openLog(EARLY_LOG);
}

/** What every way of serving begins with. */
export interface Start {
  readonly config: Config;
  readonly log: Log;
}

/**
 * Reads nrpe.cfg and opens the log that it names; warnings go there. With errors in the
 * configuration there is nothing to start with: they are in syslog then.
 */
export function readConfiguration(path: string): Start | undefined {
  const result = loadConfig(path, configFiles);
  const log = result.kind === "config" ? openLog(result.config) : openEarlyLog();
  for (const { severity, message } of result.findings) {
    log(severity === "error" ? Severity.error : Severity.warning, message);
  }
  if (result.kind === "failure") {
    log(Severity.error, `Config file '${path}' contained errors, aborting...`);
    return undefined;
  }
  for (const { name, line } of result.config.debug ? result.config.commands.values() : []) {
    log(Severity.debug, `Added command[${name}]=${line}`);
  }
  return { config: result.config, log };
}
