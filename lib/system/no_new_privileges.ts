import { bindLater, Errno, lastErrno, SystemError, userAndGroup } from "./libc.ts";

const libc = bindLater({
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
});

const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const ROOT = 0;

/**
 * Sets the attribute no_new_privs of this thread, see PR_SET_NO_NEW_PRIVS in prctl(2): what it executes
 * gets no right from a set-user-ID bit, a set-group-ID bit or a file capability. Root empties the
 * capability bounding set as well, where it may: it is called before root's rights are dropped. There is
 * no way back.
 *
 * All programs are started by the thread that calls this.
 *
 * @throws {SystemError}
 */
export function forbidNewPrivileges(): void {
  if (libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0) {
    throw new SystemError("prctl", lastErrno(), "PR_SET_NO_NEW_PRIVS");
  }
  if (userAndGroup().uid !== ROOT) return;
  for (let capability = 0n;; capability++) {
    if (libc().prctl(PR_CAPBSET_DROP, capability, 0n, 0n, 0n) === 0) continue;
    const errno = lastErrno();
    // The kernel has no capability of that number; or root is without CAP_SETPCAP, in a container say.
    if (errno === Errno.EINVAL || errno === Errno.EPERM) return;
    throw new SystemError("prctl", errno, "PR_CAPBSET_DROP");
  }
}
