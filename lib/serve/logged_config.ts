import type { Config } from "../config/config.ts";
import { configFiles } from "../config/config_files.ts";
import { loadConfig } from "../config/load_config.ts";
import { type Log, Severity } from "../log.ts";
import { type OpenLog, openLog } from "../system/open_log.ts";

/** Opens the log that nrpe.cfg names, whatever else is wrong there. */
export function openLogOf(path: string): OpenLog {
  const result = loadConfig(path, configFiles);
  return openLog(result.kind === "config" ? result.config : result.log);
}

/**
 * Reads all of nrpe.cfg, and logs what is wrong with it; with `debug=1` also what is doubtful, and each
 * command.
 * @returns undefined where the configuration has errors.
 */
export function readAndLog(
  path: string,
): { readonly config: Config; readonly log: Log } | undefined {
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
