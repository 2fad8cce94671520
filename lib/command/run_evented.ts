import { forgetPipe, listenForChildren, onceEnded, wheneverReadable } from "../system/children.ts";
import { closeFile, SystemError } from "../system/libc.ts";
import {
  type Inheritance,
  type ProcessEnd,
  Signal,
  signalGroup,
  type Started,
  startInGroup,
} from "../system/process.ts";
import { type Enlisted, startEnlisted } from "../system/roster.ts";
import type { PluginEnd } from "./outcome.ts";
import type { Program } from "./program.ts";
import {
  GRACE,
  isFull,
  LAST_WORDS,
  LOOK_AGAIN,
  newOutput,
  readOutput,
  startPlugin,
} from "./plugin.ts";

/** The longest delay that a timer of the runtime takes, in milliseconds. */
const LONGEST_DELAY = 0x7fffffff;

/** How much of a torrent of output is read before others get their turn, in reads of 8 KiB. */
const READS_AT_ONCE = 16;

/** A command that runs. */
export interface Running {
  readonly end: Promise<PluginEnd>;
  /** Ends it before its time, with its whole group, as its time-out would. */
  readonly stop: () => void;
}

/**
 * Runs a command line while the event loop does other things; what comes of it is the same as with
 * runBlocking().
 */
export function runEvented(
  line: string,
  inheritance: Inheritance,
  seconds: number,
): Running {
  return run(() => startPlugin(line, inheritance), seconds);
}

/** Runs a program that is not a plugin by the same rules. */
export function runProgramEvented(
  program: Program,
  environment: readonly string[],
  seconds: number,
): Running {
  return run(() => startInGroup({ ...program, environment }), seconds);
}

function run(start: () => Started, seconds: number): Running {
  listenForChildren();
  let started: Enlisted<Started>;
  try {
    started = startEnlisted(start);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const end = { kind: "not started", reason: error.message } as const;
    return { end: Promise.resolve(end), stop: () => {} };
  }
  return watchPlugin(started, seconds);
}

function watchPlugin(
  { leader: { pid, stdout }, strike }: Enlisted<Started>,
  seconds: number,
): Running {
  const { promise, resolve } = Promise.withResolvers<PluginEnd>();
  const output = newOutput();
  let ended: ProcessEnd | undefined;
  let state: "running" | "stopping" | "over" = "running";
  const closeOutput = () => {
    forgetPipe(stdout);
    closeFile(stdout);
  };
  const conclude = () => {
    if (state !== "running" || ended === undefined) return;
    state = "over";
    closeOutput();
    resolve({ ...ended, output: output.kept });
  };
  const read = () => {
    if (state !== "running" || !output.open) return;
    for (let turn = 0; readOutput(output, stdout); turn++) {
      if (ended !== undefined && isFull(output)) break;
      if (turn === READS_AT_ONCE) return void setImmediate(read);
    }
    if (!output.open) forgetPipe(stdout);
    if (!output.open || isFull(output)) conclude();
  };
  const stop = () => {
    if (state !== "running" || ended !== undefined) return;
    state = "stopping";
    closeOutput();
    const end = { kind: "timed out", seconds } as const;
    endGroup(pid, () => ended !== undefined, () => {
      strike();
      resolve(end);
    });
  };
  const timer = setTimeout(stop, Math.min(seconds * 1000, LONGEST_DELAY));
  onceEnded(pid, (end) => {
    clearTimeout(timer);
    ended = end;
    // What a plugin leaves behind when it ends by itself is nobody's to end.
    if (state === "running") strike();
    read();
    if (!output.open) conclude();
    // Somebody else can still write.
    else if (state === "running") setTimeout(conclude, LAST_WORDS);
  });
  wheneverReadable(stdout, read);
  return { end: promise, stop };
}

/** Ends a process group: SIGTERM, a moment to comply, SIGKILL; `done` is called when none is left. */
function endGroup(leader: number, isReaped: () => boolean, done: () => void): void {
  const patience = performance.now() + GRACE;
  let killed = false;
  signalGroup(leader, Signal.term);
  const look = () => {
    // After SIGKILL a zombie of the group may be left, which is its parent's.
    if (isReaped() && (killed || !signalGroup(leader, 0))) return done();
    if (!killed && performance.now() >= patience) {
      signalGroup(leader, Signal.kill);
      killed = true;
    }
    setTimeout(look, LOOK_AGAIN);
  };
  setTimeout(look, 1);
}
