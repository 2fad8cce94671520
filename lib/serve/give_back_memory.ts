/** How long no client is connected before memory is returned, in milliseconds. */
const IDLE_TIME = 500;

/** After how many connections that is worth the 20 ms that it takes. */
const LEAST_SERVED = 1_000;

/**
 * Makes a function to call when the last connection has gone. When the process is idle after much
 * work, it returns memory to the kernel, garbage and compiled code: after 100,000 checks a daemon then
 * takes no more than after twenty.
 *
 * @param connections How many there are now.
 * @param served How many there have been.
 */
export function giveBackMemory(connections: () => number, served: () => number): () => void {
  let until = 0;
  let timer: Timer | undefined;
  return () => {
    clearTimeout(timer);
    if (served() - until < LEAST_SERVED) return;
    timer = setTimeout(() => {
      if (connections() > 0) return;
      until = served();
      Bun.gc(true);
      Bun.shrink();
    }, IDLE_TIME);
    timer.unref();
  };
}
