import { bindLibc } from "./libc.ts";

const PR_SET_PDEATHSIG = 1;
/** By itself it does nothing, and no one else sends it here. */
const SIGURG = 23;

/** The process that has started this one and is to be watched. */
export interface Parent {
  readonly hasEnded: () => boolean;
  /**
   * Calls a function when it ends, or at once when it has ended. A change of the user ends the watch,
   * see PR_SET_PDEATHSIG in prctl(2): it is to be done before.
   */
  readonly onceEnded: (act: () => void) => void;
}

/** The parent as it is now, see getppid(2). */
export function watchParent(): Parent {
  const pid = process.ppid;
  // A process without a parent is given to another one.
  const hasEnded = () => process.ppid !== pid;
  return {
    hasEnded,
    onceEnded(act) {
      const { promise, resolve } = Promise.withResolvers<void>();
      void promise.then(act);
      process.on("SIGURG", () => hasEnded() && resolve());
      const libc = bindLibc({
        prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
      });
      libc.prctl(PR_SET_PDEATHSIG, SIGURG, 0, 0, 0);
      if (hasEnded()) resolve();
    },
  };
}
