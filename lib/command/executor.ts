import type { Inheritance } from "../system/process.ts";
import { fairQueue, type Waiting } from "./fair_queue.ts";
import type { PluginEnd } from "./outcome.ts";
import { runEvented, type Running } from "./run_evented.ts";

/** A command to run, and for whom. */
export interface Order {
  /** The client's address; clients take turns where commands have to wait. */
  readonly source: string;
  readonly line: string;
  readonly inheritance: Inheritance;
  /** How long the command may run, and how long it may have to wait before that. */
  readonly seconds: number;
}

/** Runs the commands of a process with many clients. */
export interface Executor {
  readonly run: (order: Order) => Promise<PluginEnd>;
  /** How many commands run or wait. */
  readonly busy: () => number;
  /** Ends everything that runs and answers everything that waits, as time-outs would. */
  readonly stop: () => void;
}

/**
 * Makes an executor.
 * @param limit How many commands may run at once; 0 for any number. Asked again for every command.
 */
export function makeExecutor(limit: () => number): Executor {
  const queue = fairQueue();
  const running = new Set<Running>();
  const abandonments = new Set<() => void>();
  const mayBegin = () => limit() === 0 || running.size < limit();

  const begin = async ({ line, inheritance, seconds }: Order): Promise<PluginEnd> => {
    const command = runEvented(line, inheritance, seconds);
    running.add(command);
    const end = await command.end;
    running.delete(command);
    while (queue.length > 0 && mayBegin()) queue.take()!.begin();
    return end;
  };

  const wait = (order: Order): Promise<PluginEnd> => {
    const { promise, resolve } = Promise.withResolvers<PluginEnd>();
    const settle = () => {
      clearTimeout(timer);
      abandonments.delete(abandon);
    };
    const waiting: Waiting = {
      source: order.source,
      begin() {
        settle();
        resolve(begin(order));
      },
    };
    const abandon = () => {
      settle();
      queue.remove(waiting);
      resolve({ kind: "timed out", seconds: order.seconds });
    };
    const timer = setTimeout(abandon, Math.min(order.seconds * 1000, 0x7fffffff));
    abandonments.add(abandon);
    queue.add(waiting);
    return promise;
  };

  return {
    run: (order) => queue.length === 0 && mayBegin() ? begin(order) : wait(order),
    busy: () => running.size + queue.length,
    stop() {
      for (const abandon of [...abandonments]) abandon();
      for (const command of running) command.stop();
    },
  };
}
