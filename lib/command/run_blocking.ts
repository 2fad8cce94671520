import { closeFile, now, Poll, waitFor } from "../system/libc.ts";
import { openPidfd, reap, signalProgram } from "../system/process.ts";
import type { PluginEnd } from "./outcome.ts";
import {
  advance,
  newRun,
  type PluginRun,
  POLL_INTERVAL,
  readOutput,
  startPlugin,
  type StartResult,
  tryStart,
} from "./plugin.ts";
import type { Program } from "./program.ts";

/**
 * Runs a command line and waits for its end, for a process that serves one client.
 * @param seconds The time-out.
 */
export function runBlocking(
  line: string,
  environment: readonly string[],
  seconds: number,
): PluginEnd {
  return complete(startPlugin(line, { environment }), seconds);
}

/** Runs another program than a plugin in the same way. */
export function runProgram(
  program: Program,
  environment: readonly string[],
  seconds: number,
): PluginEnd {
  return complete(tryStart(program, { environment }), seconds);
}

function complete(start: StartResult, seconds: number): PluginEnd {
  if (start.kind === "failed") return start.end;
  const { started, shell } = start;
  const run = newRun(started, shell, seconds, now());
  const signal = (signal: number) => signalProgram(started, signal, run.end !== undefined);
  const pidfd = openPidfd(started.pid);
  try {
    for (;;) {
      awaitEvent(run, pidfd);
      run.end ??= reap(started.pid);
      const end = advance(run, now(), signal);
      if (end !== undefined) return end;
    }
  } finally {
    closeFile(started.stdout);
    if (pidfd !== undefined) closeFile(pidfd);
  }
}

/** Waits for output, which is read, for the end of the process, or for the next poll. */
function awaitEvent(run: PluginRun, pidfd: number | undefined): void {
  const awaited = [];
  const reads = run.outputOpen && (run.phase === "running" || run.phase === "draining");
  if (reads) awaited.push({ fd: run.started.stdout, events: Poll.in });
  const isAwaited = run.end === undefined;
  if (isAwaited && pidfd !== undefined) awaited.push({ fd: pidfd, events: Poll.in });
  const next = now() + POLL_INTERVAL;
  const looks = isAwaited && pidfd === undefined && next < run.wakeAt;
  const ready = waitFor(awaited, looks ? next : run.wakeAt);
  if (reads && ready[0] !== 0) readOutput(run);
}
