import { decodeBytes, encodeBytes } from "../bytes.ts";
import type { Serve } from "../cli.ts";
import { CANNOT_SERVE } from "../exit_status.ts";
import { Severity } from "../log.ts";
import { leaveConnection } from "../system/clean_start.ts";
import { closeFile, readInto, writeAll } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { makePipe, startSession } from "../system/process.ts";
import { isInternetSocket } from "../system/socket.ts";
import { openTerminal, printPrintable } from "../system/terminal.ts";
import { passedDescriptors } from "./passed_descriptors.ts";
import { runDaemonProcess } from "./daemon_process.ts";
import { RUNTIME_SETTINGS } from "./runtime_threads.ts";
import { openLogOf } from "./logged_config.ts";

const STARTED = 0;

/**
 * The variable that names the descriptor on which a daemon reports its start to the process that
 * started it. A running program cannot be forked with its runtime's threads, so a daemon is a second
 * start of the program.
 */
const REPORT_TO = "NRPE_REPORT_TO";
/** The report's descriptor in the second start. */
const REPORT = 3;
/** The end of a report of success. */
const SERVING = "\0";

/** Serves in the foreground; a terminal gets what the log gets. */
export function serveInForeground(invocation: Serve): Promise<number> {
  doubtInetd(invocation);
  const terminal = openTerminal(Stdio.error);
  let serving = false;
  return runDaemonProcess({
    invocation,
    inherited: passedDescriptors(),
    inetd: false,
    copy(priority, line) {
      if (terminal !== undefined) printPrintable(terminal, line);
      else if (!serving) printComplaint(Stdio.error, priority, line);
    },
    ready() {
      serving = true;
    },
  });
}

/**
 * Logs that standard input is a socket of the internet, as in a service of inetd. What the agent prints
 * must not reach the client there.
 */
function doubtInetd({ config, mode }: Serve): void {
  if (!isInternetSocket(Stdio.input)) return;
  leaveConnection();
  const log = openLogOf(config);
  const option = mode === "daemon" ? "-d" : "-f";
  log(
    Severity.warning,
    `Warning: standard input is a socket, as under inetd, and ${option} does not serve it: is --inetd meant?`,
  );
  log.close();
}

/** Becomes a daemon, or, in its second start, serves as one. */
export async function serveAsDaemon(invocation: Serve): Promise<number> {
  doubtInetd(invocation);
  return process.env[REPORT_TO] === undefined
    ? await startDetached()
    : await serveDetached(invocation);
}

/** Starts the daemon, and returns when it serves, or with its complaint. */
async function startDetached(): Promise<number> {
  const { readEnd, writeEnd } = makePipe();
  const daemon = Bun.spawn([process.execPath, ...process.argv.slice(2)], {
    argv0: process.argv0,
    env: { ...process.env, ...RUNTIME_SETTINGS, [REPORT_TO]: String(REPORT) },
    stdio: ["ignore", "ignore", "ignore", writeEnd],
  });
  closeFile(writeEnd);
  let report = "";
  const chunk = new Uint8Array(4096);
  while (!report.endsWith(SERVING)) {
    const count = readInto(readEnd, chunk);
    if (count <= 0) break;
    report += decodeBytes(chunk, 0, count);
  }
  const serves = report.endsWith(SERVING);
  writeAll(Stdio.error, encodeBytes(report.replace(SERVING, "")));
  if (serves) {
    daemon.unref();
    return STARTED;
  }
  return await daemon.exited || CANNOT_SERVE;
}

function serveDetached(invocation: Serve): Promise<number> {
  delete process.env[REPORT_TO];
  startSession();
  let serving = false;
  return runDaemonProcess({
    invocation,
    inherited: [],
    inetd: false,
    copy(priority, line) {
      if (!serving) printComplaint(REPORT, priority, line);
    },
    ready() {
      serving = true;
      writeAll(REPORT, encodeBytes(SERVING));
      closeFile(REPORT);
    },
  });
}

/** Prints what the administrator who starts the agent has to know. */
function printComplaint(fd: number, priority: number, line: string): void {
  if (priority <= Severity.warning) printPrintable(fd, line);
}
