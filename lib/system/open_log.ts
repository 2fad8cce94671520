import type { Log } from "../log.ts";
import { printable, Severity } from "../log.ts";
import { encodeBytes } from "../bytes.ts";
import { agentOf, type AgentSettings } from "./account.ts";
import { bindLibc, closeFile, cString, writeAll } from "./libc.ts";
import { FileRefused, openForAppending } from "./private_file.ts";

const libc = bindLibc({
  openlog: { args: ["buffer", "i32", "i32"], returns: "void" },
  syslog: { args: ["i32", "buffer", "buffer"], returns: "void" },
});

const LOG_PID = 1;
const FORMAT = cString("%s");
// openlog(3) keeps the pointer.
const IDENT = cString("nrpe");

/** What nrpe.cfg says about the log, and whom a log file is for. */
export interface LogSettings extends AgentSettings {
  /** A facility of <syslog.h>. */
  readonly log_facility: number;
  /** A file to use in place of syslog. */
  readonly log_file: string | undefined;
  readonly disable_syslog: boolean;
  /** Whether lines of severity debug are written at all. */
  readonly debug: boolean;
}

/** A log that is open. */
export interface OpenLog extends Log {
  /** Closes a log file; nothing may be written any more. */
  readonly close: () => void;
}

/**
 * Opens the log: syslog(3) as `nrpe[pid]`, or the log file, whose lines begin with the time in
 * seconds since 1970 in brackets. A log file that cannot be opened is complained of in syslog, which
 * then takes its place.
 */
export function openLog(settings: LogSettings): OpenLog {
  const syslog = settings.disable_syslog ? () => {} : openSyslog(settings.log_facility);
  const fd = openLogFile(settings, syslog);
  const write = fd === undefined ? syslog : writeLogFile(fd);
  const log: Log = (priority, message) => {
    if (priority !== Severity.debug || settings.debug) write(priority, message);
  };
  return Object.assign(log, {
    close: () => {
      if (fd !== undefined) closeFile(fd);
    },
  });
}

function openSyslog(facility: number): Log {
  libc.openlog(IDENT, LOG_PID, facility);
  return (priority, message) => libc.syslog(priority, FORMAT, cString(printable(message)));
}

/** Opens the log file, if there is to be one, so that the agent's user can open it again. */
function openLogFile(settings: LogSettings, otherwise: Log): number | undefined {
  const { log_file } = settings;
  if (log_file === undefined) return undefined;
  try {
    return openForAppending(log_file, 0o640, agentOf(settings));
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    otherwise(
      Severity.warning,
      `Warning: Cannot open log file '${log_file}' for writing: ${error.message}`,
    );
    return undefined;
  }
}

function writeLogFile(fd: number): Log {
  return (_, message) => {
    const line = `[${Math.floor(Date.now() / 1000)}] ${printable(message)}\n`;
    writeAll(fd, encodeBytes(line));
  };
}
