import { calls } from "./architecture.ts";
import { bindLibc } from "./libc.ts";

/**
 * syscall(2), a system call by its number. The first call of each function of the C library costs page
 * faults; one function for many calls saves them.
 */
export const syscall = bindLibc({
  syscall: { args: ["i64", "u64", "ptr", "ptr", "u64"], returns: "i32" },
}).syscall;

const SIG_SETMASK = 2;
/** The size of the kernel's sigset_t, in bytes. */
export const SIGNALS_SIZE = 8;

/**
 * Sets which signals are blocked, see sigprocmask(2).
 * @param old Receives the previous set.
 */
export function blockSignals(set: Uint8Array, old: Uint8Array | null): void {
  syscall(calls.rt_sigprocmask, SIG_SETMASK, set, old, SIGNALS_SIZE);
}
