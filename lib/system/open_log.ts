import { encodeBytes } from "../bytes.ts";
import { jsonLine } from "../json_line.ts";
import { type Facts, LEVEL_MASK, LEVELS, type Log, printable, Severity } from "../log.ts";
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
  /** Whether lines are text, or an object of JSON each. */
  readonly log_format: "text" | "json";
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

/** Gets a copy of each line that is logged, printable and as a program prints it. */
export interface LogCopy {
  (priority: number, line: string): void;
}

/** Makes a line of the log. Its text is printable. */
interface Format {
  (priority: number, message: string, facts: Facts | undefined): string;
}

function asText(_: number, message: string): string {
  return printable(message);
}

/** An object of JSON: time (ISO 8601, UTC), severity, pid, message, and the facts. */
function asJson(priority: number, message: string, facts: Facts | undefined): string {
  const line: Record<string, unknown> = {
    time: new Date().toISOString(),
    severity: Object.keys(LEVELS)[priority & LEVEL_MASK],
    pid: process.pid,
    message: printable(message),
  };
  for (const name in facts) {
    const fact = facts[name]!;
    line[name] = typeof fact === "string" ? printable(fact) : fact;
  }
  return jsonLine(line).slice(0, -1);
}

/**
 * Opens the log: syslog as `nrpe[pid]`, or the log file, whose lines of text begin with the time in
 * seconds since 1970 in brackets. When the log file cannot be opened, a warning and all lines go to syslog.
 * Logging never blocks the agent. Lines that cannot be written are counted, and their number precedes
 * the next line that can.
 *
 * @param copy Gets a copy of each line that is logged.
 */
export function openLog(settings: LogSettings, copy?: LogCopy): OpenLog {
  const format = settings.log_format === "json" ? asJson : asText;
  let write: WriteLine | undefined = settings.disable_syslog ? undefined : toSyslog(settings);
  let purpose = "sent to syslog";
  const log: Log = (priority, message, facts) => {
    if (priority === Severity.debug && !settings.debug) return;
    const line = format(priority, message, facts);
    if (write !== undefined) writeCounting(write, purpose, format, priority, line);
    copy?.(priority, format === asText ? `nrpe: ${line}` : line);
  };
  const fd = openLogFile(settings, log);
  if (fd !== undefined) {
    write = toFile(fd, settings.log_format);
    purpose = `written to '${settings.log_file}'`;
  }
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

/** Writes a line. Lost ones are counted, and their number is written before the next line. */
function writeCounting(
  write: WriteLine,
  purpose: string,
  format: Format,
  priority: number,
  line: string,
): void {
  const { warning } = Severity;
  let errno = lost === 0 ? 0 : write(warning, format(warning, describeLost(), undefined));
  if (errno === 0) {
    lost = 0;
    errno = write(priority, line);
  }
  if (errno === 0) return;
  lost++;
  whyLost = `could not be ${purpose}: ${describeErrno(errno)}`;
}

function describeLost(): string {
  return `Warning: ${lost} log ${lost === 1 ? "line" : "lines"} ${whyLost}`;
}

function toSyslog({ log_facility, program }: LogSettings): WriteLine {
  const name = program === undefined ? undefined : printable(program);
  return (priority, line) =>
    sendToSyslog(priority > Severity.debug ? priority : priority + log_facility, line, name);
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

function toFile(fd: number, format: LogSettings["log_format"]): WriteLine {
  let torn = false;
  return (_, line) => {
    const stamp = format === "json" ? "" : `[${Math.floor(Date.now() / 1000)}] `;
    const bytes = encodeBytes(`${torn ? "\n" : ""}${stamp}${line}\n`);
    const count = file().write(fd, bytes, bytes.byteLength);
    if (count === bytes.byteLength) {
      torn = false;
      return 0;
    }
    if (count < 0) return lastErrno();
    // A short write: the disk is full, or the file has reached its size limit.
    torn = true;
    return Errno.ENOSPC;
  };
}
