/**
 * What a program that must end reports: on standard error, unless that is a client's connection, and
 * in syslog. It uses `node:fs`, since the C library may be what is missing.
 */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { encodeBytes } from "../bytes.ts";
import { NO_MODE } from "../cli.ts";
import { type Log, Severity } from "../log.ts";
import { SystemError } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { describeUnexpected, traceOf } from "./unexpected.ts";

/** Where util-linux and BusyBox have logger(1): without the C library there is no syslog(3). */
const LOGGER = "/usr/bin/logger";
/** How long a blocked syslog may delay logger(1), in milliseconds. */
const LOGGER_TIMEOUT = 2_000;

/** The text of the runtime where it may not compile. */
const WITHOUT_JIT = "requires the JIT";

/** Reports why the C library cannot be called, without which there is no agent. */
export function sayCannotStart(failure: Error): void {
  const message = `cannot start: ${reasonOf(failure)}`;
  complain(`nrpe: ${message}\n`);
  attempt(() =>
    Bun.spawnSync([LOGGER, "-p", "daemon.err", "-t", `nrpe[${process.pid}]`, `Error: ${message}`], {
      env: {},
      stdio: ["ignore", "ignore", "ignore"],
      timeout: LOGGER_TIMEOUT,
      killSignal: "SIGKILL",
    })
  );
}

function reasonOf({ message }: Error): string {
  if (!message.includes(WITHOUT_JIT)) return `the C library cannot be called: ${message}`;
  return "the runtime got no memory that is both writable and executable; it needs 4 GB of address " +
    "space (ulimit -v), and MemoryDenyWriteExecute=, SELinux (execmem) or BUN_JSC_useJIT=0 forbids it";
}

/**
 * Reports an unexpected exception.
 * @param log Opens the log of a program that serves.
 */
export function sayUnexpected(error: unknown, log: (() => Log) | undefined): void {
  complain(`nrpe: ${error instanceof SystemError ? error.message : traceOf(error)}\n`);
  attempt(() => log?.()(Severity.error, describeUnexpected(error)));
}

/**
 * Reports wrong arguments: on standard error, and in syslog too where standard input is a socket, since
 * nobody sees what a program of inetd prints.
 *
 * @param text What is printed.
 * @param log Opens the log.
 */
export function sayUsage(problem: string, text: string, log: () => Log): void {
  complain(text);
  attempt(() => {
    if (!fstatSync(Stdio.input).isSocket()) return;
    const hint = problem === NO_MODE ? ": a service of inetd needs --inetd" : "";
    log()(Severity.error, `Error: Incorrect command line: ${problem}${hint}`);
  });
}

/** Writes to standard error; a client's connection there is replaced by the null device. */
function complain(text: string): void {
  attempt(() => {
    const [input, error] = [fstatSync(Stdio.input), fstatSync(Stdio.error)];
    // inetd leaves the same socket on all three.
    const isConnection = input.isSocket() && error.isSocket() && input.ino === error.ino;
    if (isConnection) leaveConnection();
    else writeSync(Stdio.error, encodeBytes(text));
  });
}

function leaveConnection(): void {
  // The lowest free descriptor is the one that has just been closed.
  closeSync(Stdio.error);
  attempt(() => openSync("/dev/null", "r+"));
  // The log may find no other descriptor free.
  closeSync(Stdio.output);
}

/** Ignores a failure, which cannot be reported any more. */
function attempt(act: () => unknown): void {
  try {
    act();
  } catch {
    // The exit status reports it.
  }
}
