import { sourceOf } from "../source.ts";
import { now } from "../system/libc.ts";
import type { Inheritance } from "../system/process.ts";
import { callAt } from "../system/timer.ts";
import { fairQueue, type Waiting } from "./fair_queue.ts";
import type { PluginEnd } from "./outcome.ts";
import type { CommandLine } from "./program.ts";
import { runEvented, type Running } from "./run_evented.ts";

/** A command to run for a client. */
interface Job {
  /** The client's address. Clients take turns where commands have to wait. */
  readonly source: string;
  readonly line: CommandLine;
  readonly inheritance: Inheritance;
  /** The time-out of the command, and of its wait before that. */
  readonly seconds: number;
}

export interface Executor {
  readonly run: (job: Job) => Promise<PluginEnd>;
  /** Takes over a command that runs already. */
  readonly join: (command: Running) => Promise<PluginEnd>;
  /** Starts waiting commands. To be called when the limit has changed. */
  readonly wake: () => void;
  /** Times all commands out, running and waiting. */
  readonly stop: () => void;
  /** How many commands run, and how many wait for others to end. */
  readonly count: () => { readonly running: number; readonly waiting: number };
}

/**
 * Makes an executor.
 * @param limit How many commands may run at once; 0 for any number. Called for every command.
 * @param ran Called for every command that has run, with the time that it took, in seconds.
 */
export function makeExecutor(limit: () => number, ran: (seconds: number) => void): Executor {
  const queue = fairQueue();
  const running = new Set<Running>();
  const abandonments = new Set<() => void>();
  const mayBegin = () => limit() === 0 || running.size < limit();

  const wake = () => {
    while (queue.length > 0 && mayBegin()) queue.take()!.begin();
  };

  const begin = async ({ line, inheritance, seconds }: Job): Promise<PluginEnd> => {
    const begun = now();
    const end = await join(runEvented(line, inheritance, seconds));
    if (end.kind !== "not started") ran((now() - begun) / 1000);
    return end;
  };

  const join = async (command: Running): Promise<PluginEnd> => {
    running.add(command);
    const end = await command.end;
    running.delete(command);
    wake();
    return end;
  };

  const wait = (job: Job): Promise<PluginEnd> => {
    const { promise, resolve } = Promise.withResolvers<PluginEnd>();
    const settle = () => {
      timer.cancel();
      abandonments.delete(abandon);
    };
    const waiting: Waiting = {
      source: sourceOf(job.source),
      begin() {
        settle();
        resolve(begin(job));
      },
    };
    const abandon = () => {
      settle();
      queue.remove(waiting);
      resolve({ kind: "timed out", seconds: job.seconds });
    };
    const timer = callAt(now() + job.seconds * 1000, abandon);
    abandonments.add(abandon);
    queue.add(waiting);
    return promise;
  };

  return {
    join,
    run: (job) => queue.length === 0 && mayBegin() ? begin(job) : wait(job),
    wake,
    count: () => ({ running: running.size, waiting: queue.length }),
    stop() {
      for (const abandon of [...abandonments]) abandon();
      for (const command of running) command.stop();
    },
  };
}
