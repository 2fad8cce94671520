import { describeErrno, Errno, readInto, SystemError } from "../system/libc.ts";
import { Signal } from "../system/linux.ts";
import {
  type Inheritance,
  type PipedProgram,
  type ProcessEnd,
  startPiped,
} from "../system/process.ts";
import { findInPath } from "../system/search_path.ts";
import { DAEMON_PATH, valueIn } from "./environment.ts";
import { NOT_EXECUTABLE, NOT_FOUND, type PluginEnd } from "./outcome.ts";
import { type CommandLine, type Program, programOf, shellProgram } from "./program.ts";

/**
 * How much of a plugin's output is kept, in bytes: what a response carries, and one byte more to detect
 * truncation. The rest is read and discarded.
 */
const MOST_OUTPUT = 65536;

/**
 * How long output is read after the plugin's end while another process holds the pipe open, in
 * milliseconds: enough for a short background job on a busy host, and little delay where the plugin
 * has started a daemon.
 */
const OUTPUT_TIMEOUT = 1000;

/** How long a process group may take to end after SIGTERM, in milliseconds. */
const TERM_TIMEOUT = 1000;

/** How long a process group may take to end after SIGKILL, in milliseconds. */
const KILL_TIMEOUT = 200;

/** How often a state is polled that the kernel sends no event for, in milliseconds. */
export const POLL_INTERVAL = 20;

/** A plugin or another program that runs with a time-out. */
export interface PluginRun {
  readonly started: PipedProgram;
  /** Whether the agent started the plugin through a shell. */
  readonly shell: boolean;
  /** Its time-out. */
  readonly seconds: number;
  /** The first bytes of its output. */
  output: Uint8Array;
  /** Whether the pipe is open. */
  outputOpen: boolean;
  /** Why the rest of its output could not be read, if it could not. */
  unread: string | undefined;
  end: ProcessEnd | undefined;
  phase: "running" | "draining" | "terminating" | "killing";
  /** The end of the phase, in milliseconds of now(). */
  limit: number;
  /** When {@link advance} is to be called without an event, in milliseconds of now(). */
  wakeAt: number;
}

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
    unread: undefined,
    end: undefined,
    phase: "running",
    limit,
    wakeAt: limit,
  };
}

/** Makes a run time out now. */
export function expire(run: PluginRun): void {
  if (run.phase === "running") run.limit = -Infinity;
}

/**
 * Advances a run as far as possible: the one policy for every plugin, for a process that blocks and for
 * one with an event loop.
 *
 * The output of a program that exits is what was written by then and shortly after, even if another
 * process holds its standard output open. After the time-out, its process group gets SIGTERM and later
 * SIGKILL. Processes that cannot be killed, because they are another user's or in uninterruptible
 * sleep, are left: the client does not wait for them.
 *
 * @param time The time, in milliseconds of now().
 * @param signal Sends a signal to the plugin and its group, as {@link signalProgram} does.
 * @returns How the run ended; undefined while it continues.
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
  // With EPERM all members are another user's: there is nothing to wait for.
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
 * A shell exits with 128 plus the signal where a plugin dies of a signal. The outcome is the same as
 * without a shell.
 */
function pluginEndOf({ shell, output, unread }: PluginRun, end: ProcessEnd): PluginEnd {
  if (shell && end.kind === "exited" && end.status > 128 && end.status <= 192) {
    return { kind: "killed", signal: end.status - 128, output, unread };
  }
  return { ...end, output, unread };
}

/** A started program, or the end that stands for the failure. */
export type StartResult =
  | { readonly kind: "started"; readonly started: PipedProgram; readonly shell: boolean }
  | { readonly kind: "failed"; readonly errno: number; readonly end: PluginEnd };

/** Starts the program of a command line. */
export function startPlugin(line: CommandLine, inheritance: Inheritance): StartResult {
  const program = programOf(line);
  if (typeof line !== "string") return startWithoutShell(program, inheritance);
  const start = tryStart(program, inheritance);
  // A script without an interpreter is run by a shell.
  return start.kind === "failed" && start.errno === Errno.ENOEXEC && !program.shell
    ? tryStart(shellProgram(line), inheritance)
    : start;
}

/** Starts a program that is given by its path, or by a name in PATH, where a shell would find it. */
function startWithoutShell(program: Program, inheritance: Inheritance): StartResult {
  if (program.file.includes("/")) return startProgramAlone(program, inheritance);
  const path = searchPathOf(inheritance.environment);
  const file = findInPath(program.file, path);
  if (file !== undefined) return startProgramAlone({ ...program, file }, inheritance);
  const failure = `no executable file of that name in PATH (${path})`;
  const end: PluginEnd = { kind: "exited", status: NOT_FOUND, output: new Uint8Array(0), failure };
  return { kind: "failed", errno: Errno.ENOENT, end };
}

/** Starts a program, and not a shell for a script without an interpreter. */
function startProgramAlone(program: Program, inheritance: Inheritance): StartResult {
  const start = tryStart(program, inheritance);
  if (start.kind === "started" || start.errno !== Errno.ENOEXEC) return start;
  const { end } = start;
  if (end.kind !== "exited") return start;
  const failure = `${end.failure}, and argument_mode=argv lets no shell run it: a script begins ` +
    "with #! and its interpreter";
  return { ...start, end: { ...end, failure } };
}

/** Where a plugin's program is looked for. */
export function searchPathOf(environment: readonly string[]): string {
  return valueIn(environment, "PATH") ?? DAEMON_PATH;
}

/** Starts a program. One that cannot be executed ends as it does in a shell, with 126 or 127. */
function tryStart(program: Program, inheritance: Inheritance): StartResult {
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
      return { kind: "exited", status: NOT_FOUND, output, failure: describeErrno(errno) };
    default:
      return { kind: "exited", status: NOT_EXECUTABLE, output, failure: describeErrno(errno) };
  }
}

/** Whether further output would only be dropped. */
export function isFull({ output }: PluginRun): boolean {
  return output.byteLength >= MOST_OUTPUT;
}

/** The buffer of one read. Few plugins write more. */
const buffer = new Uint8Array(8192);

/**
 * Reads output, and discards what is beyond the limit. Blocks where the descriptor does and no output
 * is there.
 * @returns Whether there was output.
 */
export function readOutput(run: PluginRun): boolean {
  const count = readInto(run.started.stdout, buffer);
  if (count === -Errno.EAGAIN) return false;
  if (count <= 0) {
    run.outputOpen = false;
    if (count < 0) run.unread = describeErrno(-count);
    return false;
  }
  const kept = run.output;
  const room = MOST_OUTPUT - kept.byteLength;
  if (room > 0) {
    const all = new Uint8Array(kept.byteLength + (count < room ? count : room));
    all.set(kept);
    all.set(buffer.subarray(0, all.byteLength - kept.byteLength), kept.byteLength);
    run.output = all;
  }
  return true;
}
