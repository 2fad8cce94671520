import { now } from "../system/libc.ts";
import { callAt } from "../system/timer.ts";

/** Lets only so many do something at once. */
export interface Turns {
  /**
   * Does it when there is room, those who came first first.
   * @param seconds How long its turn is waited for.
   * @returns What comes of it; undefined where its turn has not come in time.
   */
  readonly take: <Result>(
    seconds: number,
    act: () => Promise<Result>,
  ) => Promise<Result | undefined>;
}

/** @param most How many do it at once. */
export function makeTurns(most: number): Turns {
  const waiting = new Set<() => void>();
  let busy = 0;
  const turn = (seconds: number): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const settle = (come: boolean) => {
      timer.cancel();
      waiting.delete(begin);
      resolve(come);
    };
    const begin = () => {
      busy++;
      settle(true);
    };
    const timer = callAt(now() + seconds * 1000, () => settle(false));
    waiting.add(begin);
    return promise;
  };
  return {
    async take(seconds, act) {
      if (busy < most) busy++;
      else if (!await turn(seconds)) return undefined;
      try {
        return await act();
      } finally {
        busy--;
        for (const begin of waiting) {
          begin();
          break;
        }
      }
    },
  };
}
