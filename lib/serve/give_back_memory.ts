/** For how long no client may have been connected before memory is given back, in milliseconds. */
const QUIET = 500;

/** After how many connections it is worth the 20 ms that it takes. */
const WORTH_IT = 1_000;

/**
 * Makes a function that is to be called when the last connection has gone. In a quiet moment after
 * much work it gives back what the work has left behind, garbage and compiled code: a daemon that has
 * had 100,000 checks then takes no more memory than one that has had twenty.
 *
 * @param connections How many there are now.
 * @param served How many there have been.
 */
export function giveBackMemory(connections: () => number, served: () => number): () => void {
  let until = 0;
  let timer: Timer | undefined;
  return () => {
    clearTimeout(timer);
    if (served() - until < WORTH_IT) return;
    timer = setTimeout(() => {
      if (connections() > 0) return;
      until = served();
      Bun.gc(true);
      Bun.shrink();
    }, QUIET);
    timer.unref();
  };
}
