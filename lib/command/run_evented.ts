import {
  hurry,
  listenForChildren,
  onceEnded,
  onReadable,
  unwatchPipe,
} from "../system/children.ts";
import { closeFile, now, SystemError } from "../system/libc.ts";
import { type Inheritance, type ProcessEnd, reap, signalProgram } from "../system/process.ts";
import { callAt, type Timer } from "../system/timer.ts";
import type { PluginEnd } from "./outcome.ts";
import {
  advance,
  expire,
  isFull,
  newRun,
  type PluginRun,
  readOutput,
  startPlugin,
} from "./plugin.ts";
import type { CommandLine } from "./program.ts";

/** How many reads of 8 KiB are made before other events get their turn. */
const READS_AT_ONCE = 16;

export interface Running {
  readonly end: Promise<PluginEnd>;
  /** Ends it as its time-out would. */
  readonly stop: () => void;
}

/** Runs a command line on the event loop, with the same result as runBlocking(). */
export function runEvented(line: CommandLine, inheritance: Inheritance, seconds: number): Running {
  listenForChildren();
  const start = startPlugin(line, inheritance);
  if (start.kind === "failed") return { end: Promise.resolve(start.end), stop: () => {} };
  return drive(newRun(start.started, start.shell, seconds, now()));
}

/** Goes on with a run on the event loop. */
export function continueEvented(run: PluginRun): Running {
  listenForChildren();
  // It may have ended before the signals were listened for.
  run.end ??= reap(run.started.pid);
  return drive(run);
}

function drive(run: PluginRun): Running {
  const { started } = run;
  const { pid, stdout } = started;
  const { promise, resolve } = Promise.withResolvers<PluginEnd>();
  const signal = (signal: number) => signalProgram(started, signal, run.end !== undefined);
  let timer: Timer | undefined;
  let wakeAt = Infinity;
  let over = false;
  const turn = () => {
    if (over) return;
    const end = advance(run, now(), signal);
    if (end !== undefined) {
      over = true;
      timer?.cancel();
      unwatchPipe(stdout);
      closeFile(stdout);
      resolve(end);
    } else if (run.wakeAt !== wakeAt) {
      timer?.cancel();
      wakeAt = run.wakeAt;
      timer = callAt(wakeAt, () => {
        wakeAt = Infinity;
        turn();
      });
    }
  };
  const read = () => {
    if (over || !run.outputOpen) return;
    for (let count = 0; readOutput(run); count++) {
      if (run.end !== undefined && isFull(run)) break;
      if (count === READS_AT_ONCE) return void setImmediate(read);
    }
    if (!run.outputOpen) unwatchPipe(stdout);
    turn();
  };
  const ended = (end: ProcessEnd) => {
    run.end = end;
    read();
    turn();
    // Another process holds the pipe open.
    if (!over && run.outputOpen) hurry(stdout);
  };
  try {
    onReadable(stdout, read);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // To read it nevertheless would make all clients wait for this plugin.
    run.outputOpen = false;
    run.unread = error.message;
  }
  if (run.end === undefined) onceEnded(pid, ended);
  else ended(run.end);
  turn();
  return {
    end: promise,
    stop() {
      expire(run);
      turn();
    },
  };
}
