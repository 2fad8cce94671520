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
} from "./plugin.ts";
import type { CommandLine } from "./program.ts";

/**
 * Runs a command line and waits for its end, for a process that serves one client.
 * @param seconds The time-out.
 */
export function runBlocking(
  line: CommandLine,
  environment: readonly string[],
  seconds: number,
): PluginEnd {
  const start = startPlugin(line, { environment });
  if (start.kind === "failed") return start.end;
  return awaitRun(newRun(start.started, start.shell, seconds, now()), Infinity, [])!;
}

/**
 * Waits for the end of a run, but no longer than a deadline, and until another descriptor is readable.
 * @param deadline In milliseconds of now().
 * @returns undefined where the run goes on.
 */
export function awaitRun(
  run: PluginRun,
  deadline: number,
  others: readonly number[],
): PluginEnd | undefined {
  const { started } = run;
  const signal = (signal: number) => signalProgram(started, signal, run.end !== undefined);
  const pidfd = openPidfd(started.pid);
  for (;;) {
    const interrupted = awaitEvent(run, pidfd, deadline, others);
    run.end ??= reap(started.pid);
    const end = advance(run, now(), signal);
    if (end === undefined && !interrupted) continue;
    if (end !== undefined) closeFile(started.stdout);
    if (pidfd !== undefined) closeFile(pidfd);
    return end;
  }
}

/**
 * Waits for output, which is read, for the end of the process, or for the next poll.
 * @returns Whether the deadline has passed or another descriptor is readable.
 */
function awaitEvent(
  run: PluginRun,
  pidfd: number | undefined,
  deadline: number,
  others: readonly number[],
): boolean {
  const awaited = [];
  for (const fd of others) awaited.push({ fd, events: Poll.in });
  const reads = run.outputOpen && (run.phase === "running" || run.phase === "draining");
  if (reads) awaited.push({ fd: run.started.stdout, events: Poll.in });
  const isAwaited = run.end === undefined;
  if (isAwaited && pidfd !== undefined) awaited.push({ fd: pidfd, events: Poll.in });
  const next = now() + POLL_INTERVAL;
  const looks = isAwaited && pidfd === undefined && next < run.wakeAt;
  const wakeAt = looks ? next : run.wakeAt;
  const ready = waitFor(awaited, deadline < wakeAt ? deadline : wakeAt);
  if (reads && ready[others.length] !== 0) readOutput(run);
  for (let at = 0; at < others.length; at++) if (ready[at] !== 0) return true;
  return now() >= deadline;
}
