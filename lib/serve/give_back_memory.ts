import { SystemError } from "../system/libc.ts";
import { releaseProgramText } from "../system/program_text.ts";

/** How long no client is connected before memory is returned, in milliseconds. */
const IDLE_TIME = 500;

/** After how many connections that is worth the 20 ms that it takes. */
const LEAST_SERVED = 1_000;

/**
 * Makes a function to call when the last connection has gone. When the process is idle for the first
 * time, it returns the code that its start has used; when it is idle after much work, garbage and
 * compiled code as well: after 100,000 checks a daemon then takes no more than after twenty.
 *
 * @param connections How many there are now.
 * @param served How many there have been.
 */
export function giveBackMemory(connections: () => number, served: () => number): () => void {
  let until: number | undefined;
  let timer: Timer | undefined;
  return () => {
    clearTimeout(timer);
    if (until !== undefined && served() - until < LEAST_SERVED) return;
    timer = setTimeout(() => {
      if (connections() > 0) return;
      if (served() - (until ?? 0) >= LEAST_SERVED) {
        Bun.gc(true);
        Bun.shrink();
      }
      until = served();
      releaseText();
    }, IDLE_TIME);
    timer.unref();
  };
}

function releaseText(): void {
  try {
    releaseProgramText();
  } catch (error) {
    // Without /proc, the process keeps them.
    if (!(error instanceof SystemError)) throw error;
  }
}
