import { closeFile, now, Poll, SystemError, waitFor } from "../system/libc.ts";
import {
  openProcess,
  type ProcessEnd,
  reap,
  Signal,
  signalGroup,
  type Started,
  startInGroup,
} from "../system/process.ts";
import type { PluginEnd } from "./outcome.ts";
import type { Program } from "./program.ts";
import {
  GRACE,
  isFull,
  LAST_WORDS,
  LOOK_AGAIN,
  newOutput,
  type Output,
  readOutput,
  startPlugin,
} from "./plugin.ts";

/**
 * Runs a command line and waits for its end, blocking the process: the way of a conversation under
 * inetd, which has nothing else to do.
 *
 * A plugin that has ended is answered with what was written by then and a moment later, whether or not
 * a process that it left behind holds its standard output open. One that outlives `seconds` is ended
 * with its whole group.
 */
export function runBlocking(
  line: string,
  environment: readonly string[],
  seconds: number,
): PluginEnd {
  return waitForEnd(() => startPlugin(line, { environment }), seconds);
}

/** Runs a program that is not a plugin by the same rules. */
export function runProgram(
  program: Program,
  environment: readonly string[],
  seconds: number,
): PluginEnd {
  return waitForEnd(() => startInGroup({ ...program, environment }), seconds);
}

function waitForEnd(start: () => Started, seconds: number): PluginEnd {
  const deadline = now() + seconds * 1000;
  let started: Started;
  try {
    started = start();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { kind: "not started", reason: error.message };
  }
  const announced = openProcess(started.pid);
  const output = newOutput();
  try {
    const end = awaitEnd(started, announced, output, deadline);
    if (end !== undefined) return { ...end, output: output.kept };
    endGroup(started.pid);
    return { kind: "timed out", seconds };
  } finally {
    closeFile(started.stdout);
    if (announced !== undefined) closeFile(announced);
  }
}

/** Collects output until the plugin has ended; undefined at the deadline. */
function awaitEnd(
  { pid, stdout }: Started,
  announced: number | undefined,
  output: Output,
  deadline: number,
): ProcessEnd | undefined {
  for (;;) {
    const awaited = [];
    if (output.open) awaited.push({ fd: stdout, events: Poll.in });
    if (announced !== undefined) awaited.push({ fd: announced, events: Poll.in });
    const next = now() + LOOK_AGAIN;
    const ready = waitFor(awaited, announced === undefined && next < deadline ? next : deadline);
    if (output.open && ready[0] !== 0) readOutput(output, stdout);
    const end = reap(pid, false);
    if (end !== undefined) {
      readRest(output, stdout);
      return end;
    }
    if (now() >= deadline) return undefined;
  }
}

/** Reads what an ended plugin has left in the pipe, and what others write there in a moment. */
function readRest(output: Output, fd: number): void {
  const patience = now() + LAST_WORDS;
  while (output.open && !isFull(output)) {
    if (waitFor([{ fd, events: Poll.in }], patience)[0] === 0) return;
    readOutput(output, fd);
  }
}

/** Ends a process group: SIGTERM, a moment to comply, SIGKILL. */
function endGroup(leader: number): void {
  signalGroup(leader, Signal.term);
  const patience = now() + GRACE;
  let reaped = false;
  while (now() < patience) {
    reaped ||= reap(leader, false) !== undefined;
    if (reaped && !signalGroup(leader, 0)) return;
    waitFor([], now() + LOOK_AGAIN);
  }
  signalGroup(leader, Signal.kill);
  if (!reaped) reap(leader, true);
}
