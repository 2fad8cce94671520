import { bindLibc } from "./libc.ts";
import { Signal } from "./linux.ts";
import { onSignal } from "./on_signal.ts";

const PR_SET_PDEATHSIG = 1;

/** The parent process. */
export interface Parent {
  readonly hasEnded: () => boolean;
  /**
   * Calls a function when it ends, or soon if it has ended. To be called after privileges are dropped,
   * which clears the setting, see PR_SET_PDEATHSIG in prctl(2).
   */
  readonly onceEnded: (act: () => void) => void;
}

/** Watches the present parent, see getppid(2). */
export function watchParent(): Parent {
  const pid = process.ppid;
  // A process whose parent has ended gets another one.
  const hasEnded = () => process.ppid !== pid;
  return {
    hasEnded,
    onceEnded(act) {
      const { promise, resolve } = Promise.withResolvers<void>();
      void promise.then(act);
      onSignal("SIGURG", () => hasEnded() && resolve());
      signalAtParentsEnd(Signal.urgent);
      if (hasEnded()) resolve();
    },
  };
}

/** Makes the kernel kill this process when its parent ends. */
export function dieWithParent(): void {
  signalAtParentsEnd(Signal.kill);
}

/** See PR_SET_PDEATHSIG in prctl(2). */
function signalAtParentsEnd(signal: number): void {
  const libc = bindLibc({ prctl: { args: ["i32", "u64"], returns: "i32" } });
  libc.prctl(PR_SET_PDEATHSIG, signal);
}
