import { bindLibc } from "./libc.ts";
import { Signal } from "./linux.ts";

const PR_SET_PDEATHSIG = 1;

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
      signalAtParentsEnd(Signal.urgent);
      if (hasEnded()) resolve();
    },
  };
}

/** Lets this process end when the one that has started it does. */
export function dieWithParent(): void {
  signalAtParentsEnd(Signal.kill);
}

/** See PR_SET_PDEATHSIG in prctl(2). */
function signalAtParentsEnd(signal: number): void {
  const libc = bindLibc({ prctl: { args: ["i32", "u64"], returns: "i32" } });
  libc.prctl(PR_SET_PDEATHSIG, signal);
}
