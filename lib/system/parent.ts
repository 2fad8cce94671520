import { bindLibc } from "./libc.ts";

const PR_SET_PDEATHSIG = 1;
/** A signal that is ignored by default and that no one else sends here. */
const SIGURG = 23;

/** The process that has started this one. */
export interface Parent {
  readonly hasEnded: () => boolean;
  /**
   * Calls a function when it ends, or soon if it has ended. To be called after a change of the user,
   * which would undo it, see PR_SET_PDEATHSIG in prctl(2).
   */
  readonly onceEnded: (act: () => void) => void;
}

/** The parent as it is now, see getppid(2). */
export function watchParent(): Parent {
  const pid = process.ppid;
  // A process whose parent has ended is given another one.
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
