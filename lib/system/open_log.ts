import type { Log } from "../log.ts";
import { printable, Severity } from "../log.ts";
import { encodeBytes } from "../bytes.ts";
import {
  bindLater,
  bindLibc,
  closeFile,
  cString,
  Open,
  openFile,
  SystemError,
  writeAll,
} from "./libc.ts";

const libc = bindLibc({
  openlog: { args: ["buffer", "i32", "i32"], returns: "void" },
  syslog: { args: ["i32", "buffer", "buffer"], returns: "void" },
});

const rare = bindLater({ fchown: { args: ["i32", "u32", "u32"], returns: "i32" } });

const LOG_PID = 1;
const FORMAT = cString("%s");
// openlog(3) keeps the pointer.
const IDENT = cString("nrpe");

/** What nrpe.cfg says about the log. */
export interface LogSettings {
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
  /** Gives a log file to the user who is to write it, also after it has been opened again. */
  readonly giveTo: (uid: number, gid: number) => void;
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
  const fd = settings.log_file === undefined ? undefined : openLogFile(settings.log_file, syslog);
  const write = fd === undefined ? syslog : writeLogFile(fd);
  const log: Log = (priority, message) => {
    if (priority !== Severity.debug || settings.debug) write(priority, message);
  };
  return Object.assign(log, {
    giveTo: (uid: number, gid: number) => {
      if (fd !== undefined) rare().fchown(fd, uid, gid);
    },
    close: () => {
      if (fd !== undefined) closeFile(fd);
    },
  });
}

function openSyslog(facility: number): Log {
  libc.openlog(IDENT, LOG_PID, facility);
  return (priority, message) => libc.syslog(priority, FORMAT, cString(printable(message)));
}

function openLogFile(path: string, otherwise: Log): number | undefined {
  try {
    return openFile(path, Open.append, 0o640);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    otherwise(
      Severity.warning,
      `Warning: Cannot open log file '${path}' for writing: ${error.message}`,
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
