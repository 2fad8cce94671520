import { Errno, readInto, SystemError } from "../system/libc.ts";
import { Signal } from "../system/linux.ts";
import {
  type Inheritance,
  type PipedProgram,
  type ProcessEnd,
  startPiped,
} from "../system/process.ts";
import { NOT_EXECUTABLE, NOT_FOUND, type PluginEnd } from "./outcome.ts";
import { type Program, programOf, shellProgram } from "./program.ts";

/**
 * How much of a plugin's output is kept, in bytes: what a response carries, and one byte more to see
 * that it was cut. The plugin may write on; it is read and dropped.
 */
const MOST_OUTPUT = 65536;

/**
 * How long output is waited for after the plugin's end while another process can still write some, in
 * milliseconds: enough for the last output of a short background job, too little to be felt where a
 * daemon was left behind.
 */
const OUTPUT_TIMEOUT = 200;

/** How long a process group has for ending itself after SIGTERM, in milliseconds. */
const TERM_TIMEOUT = 1000;

/** How long a process group may take to vanish after SIGKILL, in milliseconds. */
const KILL_TIMEOUT = 200;

/** How often something is looked for that the kernel does not announce, in milliseconds. */
export const POLL_INTERVAL = 20;

/** A plugin, or another program, that runs within its limits. */
export interface PluginRun {
  readonly started: PipedProgram;
  /** Whether a shell stands between the agent and the plugin. */
  readonly shell: boolean;
  /** How long it may run. */
  readonly seconds: number;
  /** The first bytes of its output. */
  output: Uint8Array;
  /** Whether more output can come. */
  outputOpen: boolean;
  /** How it ended; undefined while it runs. */
  end: ProcessEnd | undefined;
  phase: "running" | "draining" | "terminating" | "killing";
  /** When the phase is over at the latest, in milliseconds of now(). */
  limit: number;
  /** When {@link advance} is to be called though nothing has happened, in milliseconds of now(). */
  wakeAt: number;
}

/** A run of a program that has just been started. */
export function newRun(
  started: PipedProgram,
  shell: boolean,
  seconds: number,
  time: number,
): PluginRun {
  const limit = time + seconds * 1000;
  return {
    started,
    shell,
    seconds,
    output: new Uint8Array(0),
    outputOpen: true,
    end: undefined,
    phase: "running",
    limit,
    wakeAt: limit,
  };
}

/** Lets the time of a run be up now. */
export function expire(run: PluginRun): void {
  if (run.phase === "running") run.limit = -Infinity;
}

/**
 * Takes a run as far as it can go now: the one policy for every plugin, whatever turns it.
 *
 * A program that ends by itself is answered with what was written by then and a moment later, whether
 * or not a process that it left behind holds its standard output open. One that outlives its time is
 * ended with its process group: SIGTERM, a grace period, SIGKILL. What cannot be ended, because it
 * belongs to another user or does not wake up, is left: the client does not wait for it.
 *
 * @param time The time, in milliseconds of now().
 * @param signal Sends a signal to the plugin and its group, as {@link signalProgram} does.
 * @returns How the run ended; undefined while it goes on.
 */
export function advance(
  run: PluginRun,
  time: number,
  signal: (signal: number) => number,
): PluginEnd | undefined {
  const { end, seconds, started } = run;
  if (run.phase === "running") {
    if (end !== undefined) enter(run, "draining", time + OUTPUT_TIMEOUT);
    else if (time >= run.limit) {
      enter(run, "terminating", time + TERM_TIMEOUT);
      signal(Signal.term);
    } else return undefined;
  }
  if (run.phase === "draining") {
    if (run.outputOpen && !isFull(run) && time < run.limit) return undefined;
    return pluginEndOf(run, end!);
  }
  // Every member of another user's: there is nothing to wait for.
  let left = signal(0);
  if (run.phase === "terminating" && left === 0 && time >= run.limit) {
    enter(run, "killing", time + KILL_TIMEOUT);
    left = signal(Signal.kill);
  }
  if (left === Errno.ESRCH) {
    if (end !== undefined || time >= run.limit) return { kind: "timed out", seconds };
  } else if (left !== 0 || time >= run.limit) return { kind: "timed out", seconds, left: started };
  run.wakeAt = time + POLL_INTERVAL < run.limit ? time + POLL_INTERVAL : run.limit;
  return undefined;
}

function enter(run: PluginRun, phase: PluginRun["phase"], limit: number): void {
  run.phase = phase;
  run.limit = limit;
  run.wakeAt = limit;
}

/**
 * A shell says 128 and the signal's number where a plugin dies of a signal. That is not to be a lower
 * state than the same plugin gets without a shell.
 */
function pluginEndOf({ shell, output }: PluginRun, end: ProcessEnd): PluginEnd {
  if (shell && end.kind === "exited" && end.status > 128 && end.status <= 192) {
    return { kind: "killed", signal: end.status - 128, output };
  }
  return { ...end, output };
}

/** A command line that has been started, or how it ended because it cannot be. */
export type StartResult =
  | { readonly kind: "started"; readonly started: PipedProgram; readonly shell: boolean }
  | { readonly kind: "failed"; readonly errno: number; readonly end: PluginEnd };

/** Starts the program of a command line. */
export function startPlugin(line: string, inheritance: Inheritance): StartResult {
  const program = programOf(line);
  const start = tryStart(program, inheritance);
  // A script without an interpreter is for a shell to read.
  return start.kind === "failed" && start.errno === Errno.ENOEXEC && !program.shell
    ? tryStart(shellProgram(line), inheritance)
    : start;
}

/** Starts a program. One that cannot be executed ends as it does in a shell, with 126 or 127. */
export function tryStart(program: Program, inheritance: Inheritance): StartResult {
  try {
    const started = startPiped({ ...program, ...inheritance });
    return { kind: "started", started, shell: program.shell };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { kind: "failed", errno: error.errno, end: startFailure(error) };
  }
}

function startFailure({ call, errno, message }: SystemError): PluginEnd {
  const output = new Uint8Array(0);
  if (call !== "posix_spawn") return { kind: "not started", reason: message };
  switch (errno) {
    case Errno.EAGAIN:
    case Errno.ENOMEM:
    case Errno.ENFILE:
    case Errno.EMFILE:
      return { kind: "not started", reason: message };
    case Errno.ENOENT:
    case Errno.ENOTDIR:
      return { kind: "exited", status: NOT_FOUND, output };
    default:
      return { kind: "exited", status: NOT_EXECUTABLE, output };
  }
}

/** Whether further output would only be dropped. */
export function isFull({ output }: PluginRun): boolean {
  return output.byteLength >= MOST_OUTPUT;
}

/** How much is read at a time, in bytes; hardly a plugin writes more. */
const arrived = new Uint8Array(8192);

/**
 * Reads what is there; what there is no room for is dropped.
 * @returns Whether there was anything; without any, a blocking descriptor is waited for.
 */
export function readOutput(run: PluginRun): boolean {
  const count = readInto(run.started.stdout, arrived);
  if (count === -Errno.EAGAIN) return false;
  if (count <= 0) {
    run.outputOpen = false;
    return false;
  }
  const kept = run.output;
  const room = MOST_OUTPUT - kept.byteLength;
  if (room > 0) {
    const all = new Uint8Array(kept.byteLength + (count < room ? count : room));
    all.set(kept);
    all.set(arrived.subarray(0, all.byteLength - kept.byteLength), kept.byteLength);
    run.output = all;
  }
  return true;
}
