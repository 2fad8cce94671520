import type { Config } from "../config/config.ts";
import { loadConfig, loadForOneCommand } from "../config/load_config.ts";
import { FACILITIES, type Log, Severity } from "../log.ts";
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

/** Opens the log that nrpe.cfg names, whatever else is wrong there. */
export function openLogOf(path: string): OpenLog {
  const result = loadConfig(path, configFiles);
  return openLog(result.kind === "config" ? result.config : result.log);
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
export function readConfiguration(path: string): Start | undefined {
  const config = loadForOneCommand(path, configFiles);
  if (config !== undefined) return { config, log: openLog(config) };
  const result = loadConfig(path, configFiles);
  const settings = result.kind === "config" ? result.config : result.log;
  const log = openLog(settings);
  if (result.kind === "failure" || settings.debug) {
    for (const { severity, message } of result.findings) {
      log(severity === "error" ? Severity.error : Severity.warning, message);
    }
  }
  if (result.kind === "failure") {
    log(Severity.error, `Config file '${path}' contained errors, aborting...`);
    return undefined;
  }
  for (const { name, line } of settings.debug ? result.config.commands.values() : []) {
    log(Severity.debug, `Added command[${name}]=${line}`);
  }
  return { config: result.config, log };
}
