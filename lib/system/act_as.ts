import type { Account } from "./account.ts";
import { calls } from "./architecture.ts";
import type { Pointer } from "./ffi.ts";
import { bindLater, cString, userAndGroup } from "./libc.ts";
import { syscall } from "./syscall.ts";

const libc = bindLater({
  getgrouplist: { args: ["buffer", "u32", "buffer", "buffer"], returns: "i32" },
});

/** NGROUPS_MAX of Linux. */
const MOST_GROUPS = 65536;
const ROOT = 0 as Pointer;

/** A user whose permissions are asked for. */
export interface Actor {
  readonly account: Account;
  readonly gid: number;
}

/** The groups that a user has after login, see getgrouplist(3). */
export function groupsOf({ account: { name }, gid }: Actor): readonly number[] {
  if (name === undefined) return [gid];
  const groups = new Uint32Array(MOST_GROUPS);
  const count = new Int32Array([MOST_GROUPS]);
  libc().getgrouplist(cString(name), gid, groups, count);
  return [...groups.subarray(0, count[0])];
}

/**
 * Calls a function with the rights of a user, which takes root's, and takes root's back.
 *
 * The kernel itself so answers access(2), open(2) and stat(2) for that user: with access control lists,
 * mounts that are read-only or noexec, and network file systems, none of which the mode bits show. The
 * saved user id stays root's, and only this thread changes, since the system calls are made without the
 * C library: the function must not wait for anything.
 *
 * @returns undefined where this process may not become that user.
 */
export function actAs<Result>(actor: Actor, act: () => Result): Result | undefined {
  const { account: { uid }, gid } = actor;
  const own = userAndGroup();
  if (own.uid === uid && own.gid === gid && uid !== 0) return act();
  if (own.uid !== 0) return undefined;
  const kept = new Uint32Array(MOST_GROUPS);
  const count = syscall(calls.getgroups, MOST_GROUPS, kept, null, 0);
  const groups = Uint32Array.from(groupsOf(actor));
  try {
    const became = syscall(calls.setgroups, groups.length, groups, null, 0) === 0 &&
      syscall(calls.setresgid, gid, gid as Pointer, ROOT, 0) === 0 &&
      syscall(calls.setresuid, uid, uid as Pointer, ROOT, 0) === 0;
    return became ? act() : undefined;
  } finally {
    syscall(calls.setresuid, 0, ROOT, ROOT, 0);
    syscall(calls.setresgid, own.gid, own.gid as Pointer, own.gid as Pointer, 0);
    syscall(calls.setgroups, Math.max(0, count), kept, null, 0);
  }
}
