import { calls } from "./architecture.ts";
import { blockSignals, SIGNALS_SIZE, syscall } from "./syscall.ts";

/** The signals that the agent handles, see signal(7). */
const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTERM: 15,
  SIGCHLD: 17,
  SIGURG: 23,
  SIGIO: 29,
} as const;

/** The kernel's struct sigaction, which ends with the signals that are blocked while a handler runs. */
const SIGACTION_SIZE = 32;
const SIGACTION_MASK = SIGACTION_SIZE - SIGNALS_SIZE;

/** The signals that are blocked outside of the wait for events. */
const blocked = new Uint8Array(SIGNALS_SIZE);
const NONE = new Uint8Array(SIGNALS_SIZE);

/**
 * How often signals are heard at least, in milliseconds. epoll_pwait(2) delivers none as long as there
 * are events at once, and a flood of connections keeps it so.
 */
const HEAR_INTERVAL = 1_000;
let hearing: Timer | undefined;

/**
 * Blocks the signals of the kernel's events and no others. To be called before the runtime starts
 * threads, which inherit that: none of them is to handle such a signal, see {@link onSignal}.
 */
export function blockEventSignals(): void {
  block("SIGCHLD");
  block("SIGURG");
  block("SIGIO");
  blockSignals(blocked, null);
}

/**
 * Calls a function in the event loop after a signal.
 *
 * The signal is blocked except while the runtime waits for events, see the signal mask of
 * epoll_pwait(2). The runtime puts each signal into a queue of 8192, and discards those that arrive
 * when the queue is full or while another one is put into it. Blocked signals of one number become one.
 */
export function onSignal(name: keyof typeof SIGNALS, act: () => void): void {
  process.on(name, act);
  const signal = SIGNALS[name];
  const action = new Uint8Array(SIGACTION_SIZE);
  syscall(calls.rt_sigaction, signal, null, action, SIGNALS_SIZE);
  action.fill(0xff, SIGACTION_MASK);
  syscall(calls.rt_sigaction, signal, action, null, SIGNALS_SIZE);
  block(name);
  blockSignals(blocked, null);
  hearing ??= setInterval(hearPending, HEAR_INTERVAL).unref();
}

/** Unblocks the signals for a moment, in which those that are pending arrive. */
function hearPending(): void {
  blockSignals(NONE, null);
  blockSignals(blocked, null);
}

function block(name: keyof typeof SIGNALS): void {
  const bit = SIGNALS[name] - 1;
  blocked[bit >> 3]! |= 1 << (bit & 7);
}
