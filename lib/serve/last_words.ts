/**
 * What a program says that cannot go on: on standard error, unless that is a client's connection, and
 * in syslog. `node:fs` is the way here, since the C library may be what is missing.
 */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { encodeBytes } from "../bytes.ts";
import { type Log, Severity } from "../log.ts";
import { SystemError } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { describeUnexpected, traceOf } from "./unexpected.ts";

/** Where util-linux and BusyBox have logger(1): without the C library there is no syslog(3). */
const LOGGER = "/usr/bin/logger";
/** How long a syslog that nobody reads may hold logger(1) up, in milliseconds. */
const LOGGER_TIMEOUT = 2_000;

/** What the runtime says where it may not compile. */
const WITHOUT_JIT = "requires the JIT";

/** Says why the C library cannot be called, without which there is no agent. */
export function sayCannotStart(failure: Error): void {
  const message = `cannot start: ${reasonOf(failure)}`;
  complain(message);
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
 * Says what nobody was prepared for.
 * @param log Opens the log of a program that serves.
 */
export function sayUnexpected(error: unknown, log: (() => Log) | undefined): void {
  complain(error instanceof SystemError ? error.message : traceOf(error));
  attempt(() => log?.()(Severity.error, describeUnexpected(error)));
}

/** Says something on standard error; a client's connection there becomes the null device. */
function complain(message: string): void {
  attempt(() => {
    const [input, error] = [fstatSync(Stdio.input), fstatSync(Stdio.error)];
    // inetd leaves the same socket on all three.
    const isConnection = input.isSocket() && error.isSocket() && input.ino === error.ino;
    if (isConnection) leaveConnection();
    else writeSync(Stdio.error, encodeBytes(`nrpe: ${message}\n`));
  });
}

function leaveConnection(): void {
  // The lowest free descriptor is the one that has just been closed.
  for (const fd of [Stdio.output, Stdio.error]) {
    closeSync(fd);
    attempt(() => openSync("/dev/null", "r+"));
  }
}

/** Nothing can be done about a failure here, and nobody be told. */
function attempt(act: () => unknown): void {
  try {
    act();
  } catch {
    // The exit status says it.
  }
}
