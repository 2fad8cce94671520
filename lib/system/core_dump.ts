import { calls } from "./architecture.ts";
import { lastErrno, SystemError } from "./libc.ts";
import { syscall } from "./syscall.ts";

const PR_SET_DUMPABLE = 4;

/**
 * Makes this process not dumpable, see PR_SET_DUMPABLE in prctl(2): it leaves no core, whatever the
 * limit and core_pattern are, and no process without CAP_SYS_PTRACE may read its memory, plugins of the
 * same user among them. Programs that it executes are dumpable again.
 *
 * Its files in /proc are root's from then on. A change of user undoes it where fs.suid_dumpable is not 0.
 *
 * @throws {SystemError}
 */
export function forbidDumps(): void {
  if (syscall(calls.prctl, PR_SET_DUMPABLE, null, null, 0) !== 0) {
    throw new SystemError("prctl", lastErrno());
  }
}
