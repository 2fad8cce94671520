import type { Log } from "../log.ts";
import { printable, Severity } from "../log.ts";
import { encodeBytes } from "../bytes.ts";
import { agentOf, type AgentSettings } from "./account.ts";
import { bindLater, closeFile, describeErrno, Errno, lastErrno } from "./libc.ts";
import { FileRefused, openForAppending } from "./private_file.ts";
import { sendToSyslog } from "./syslog.ts";

const file = bindLater({ write: { args: ["i32", "buffer", "u64"], returns: "i32" } });

/** The directives of nrpe.cfg about the log, and about the owner of a log file. */
export interface LogSettings extends AgentSettings {
  /** A facility of <syslog.h>. */
  readonly log_facility: number;
  readonly log_file: string | undefined;
  readonly disable_syslog: boolean;
  /** Whether lines of severity debug are logged. */
  readonly debug: boolean;
  /** The name in syslog where it is not `nrpe`. */
  readonly program?: string;
}

export interface OpenLog extends Log {
  /** Closes a log file. Nothing may be logged after that. */
  readonly close: () => void;
}

/**
 * Opens the log: syslog as `nrpe[pid]`, or the log file, whose lines begin with the time in seconds
 * since 1970 in brackets. When the log file cannot be opened, a warning and all lines go to syslog.
 * Logging never blocks the agent. Lines that cannot be written are counted, and their number precedes
 * the next line that can.
 *
 * @param copy Gets a copy of each line that is logged.
 */
export function openLog(settings: LogSettings, copy?: Log): OpenLog {
  let write: Log = settings.disable_syslog ? () => {} : openSyslog(settings);
  const log: Log = (priority, message) => {
    if (priority === Severity.debug && !settings.debug) return;
    write(priority, message);
    copy?.(priority, message);
  };
  const fd = openLogFile(settings, log);
  if (fd !== undefined) write = openFileLog(fd, settings.log_file!);
  return Object.assign(log, {
    close: () => {
      if (fd !== undefined) closeFile(fd);
    },
  });
}

/** Writes a line without blocking; returns 0 or an errno. */
interface WriteLine {
  (priority: number, line: string): number;
}

/** How many lines have been lost since the last one that was written, to any log. */
let lost = 0;
let whyLost = "";

/** Counts lost lines, and logs their number before the next line. */
function counting(write: WriteLine, purpose: string): Log {
  return (priority, message) => {
    let errno = lost === 0 ? 0 : write(Severity.warning, printable(describeLost()));
    if (errno === 0) {
      lost = 0;
      errno = write(priority, printable(message));
    }
    if (errno === 0) return;
    lost++;
    whyLost = `could not be ${purpose}: ${describeErrno(errno)}`;
  };
}

function describeLost(): string {
  return `Warning: ${lost} log ${lost === 1 ? "line" : "lines"} ${whyLost}`;
}

function openSyslog({ log_facility, program }: LogSettings): Log {
  const name = program === undefined ? undefined : printable(program);
  return counting(
    (priority, line) =>
      sendToSyslog(priority > Severity.debug ? priority : priority + log_facility, line, name),
    "sent to syslog",
  );
}

/** Opens the log file, if there is one, such that the agent's user can open it again. */
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

function openFileLog(fd: number, path: string): Log {
  let torn = false;
  return counting((_, line) => {
    const seconds = Math.floor(Date.now() / 1000);
    const bytes = encodeBytes(`${torn ? "\n" : ""}[${seconds}] ${line}\n`);
    const count = file().write(fd, bytes, bytes.byteLength);
    if (count === bytes.byteLength) {
      torn = false;
      return 0;
    }
    if (count < 0) return lastErrno();
    // A short write: the disk is full, or the file has reached its size limit.
    torn = true;
    return Errno.ENOSPC;
  }, `written to '${path}'`);
}
