import { now } from "./libc.ts";

/** The longest delay of the runtime's timers, in milliseconds. A longer one fires at once. */
const LONGEST_DELAY = 0x7fffffff;

export interface Timer {
  readonly cancel: () => void;
}

/**
 * Calls a function at a deadline, or as soon as possible if that has passed. Used for every time limit
 * that a directive or a rule sets, since these may exceed the longest delay of a timer.
 *
 * @param deadline In milliseconds of {@link now}.
 */
export function callAt(deadline: number, act: () => void): Timer {
  let timer: ReturnType<typeof setTimeout>;
  const arm = () => {
    const rest = deadline - now();
    timer = setTimeout(look, Math.min(Math.max(0, rest), LONGEST_DELAY));
  };
  const look = () => now() < deadline ? arm() : act();
  arm();
  return { cancel: () => clearTimeout(timer) };
}
