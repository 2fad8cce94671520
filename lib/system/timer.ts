import { now } from "./libc.ts";

/** The longest delay that a timer of the runtime takes, in milliseconds; a longer one fires at once. */
const LONGEST_DELAY = 0x7fffffff;

/** A call that is still to come. */
export interface Timer {
  readonly cancel: () => void;
}

/**
 * Calls a function at a deadline, not earlier, or as soon as the event loop gets to it if that has
 * passed. Every time limit that a directive or a rule sets is made here: none fires early because it
 * is long.
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
