import { now } from "../system/libc.ts";
import { callAt } from "../system/timer.ts";

/** A counting semaphore: it bounds how many calls run at once. */
export interface Semaphore {
  /**
   * Calls a function when there is room, in the order in which the calls came.
   * @param seconds How long to wait for room.
   * @returns What the function returns; undefined where there was no room in time.
   */
  readonly run: <Result>(
    seconds: number,
    act: () => Promise<Result>,
  ) => Promise<Result | undefined>;
}

/** @param limit How many calls run at once. */
export function makeSemaphore(limit: number): Semaphore {
  const waiting = new Set<() => void>();
  let running = 0;
  const room = (seconds: number): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const settle = (hasRoom: boolean) => {
      timer.cancel();
      waiting.delete(begin);
      resolve(hasRoom);
    };
    const begin = () => {
      running++;
      settle(true);
    };
    const timer = callAt(now() + seconds * 1000, () => settle(false));
    waiting.add(begin);
    return promise;
  };
  return {
    async run(seconds, act) {
      if (running < limit) running++;
      else if (!await room(seconds)) return undefined;
      try {
        return await act();
      } finally {
        running--;
        for (const begin of waiting) {
          begin();
          break;
        }
      }
    },
  };
}
