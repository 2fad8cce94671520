import { type Account, findAccount, findGroup } from "./account.ts";
import { giveUpCapabilities, ownCapabilities } from "./capabilities.ts";
import { bindLater, cString, Errno, lastErrno, SystemError } from "./libc.ts";

const libc = bindLater({
  geteuid: { args: [], returns: "u32" },
  getegid: { args: [], returns: "u32" },
  initgroups: { args: ["buffer", "u32"], returns: "i32" },
  setgroups: { args: ["u64", "buffer"], returns: "i32" },
  getgroups: { args: ["i32", "buffer"], returns: "i32" },
  setresgid: { args: ["u32", "u32", "u32"], returns: "i32" },
  setresuid: { args: ["u32", "u32", "u32"], returns: "i32" },
  getresuid: { args: ["buffer", "buffer", "buffer"], returns: "i32" },
  getresgid: { args: ["buffer", "buffer", "buffer"], returns: "i32" },
  setuid: { args: ["u32"], returns: "i32" },
  setgid: { args: ["u32"], returns: "i32" },
});

/**
 * Drops root's privileges for those of a user and a group. The supplementary groups become the user's,
 * and no capability is left. That there is no way back is checked.
 *
 * @throws {SystemError} when a step fails.
 * @throws {Error} when the privileges could be regained.
 */
export function dropPrivileges({ name, uid }: Account, gid: number): void {
  succeed(libc().setresgid(gid, gid, gid), "setresgid");
  if (name === undefined) succeed(libc().setgroups(1n, new Uint32Array([gid])), "setgroups");
  else succeed(libc().initgroups(cString(name), gid), "initgroups");
  succeed(libc().setresuid(uid, uid, uid), "setresuid");
  const ids = new Uint32Array(6);
  libc().getresuid(ids.subarray(0, 1), ids.subarray(1, 2), ids.subarray(2, 3));
  libc().getresgid(ids.subarray(3, 4), ids.subarray(4, 5), ids.subarray(5, 6));
  const kept = ids.some((id, at) => id !== (at < 3 ? uid : gid)) ||
    // The starter's securebits may keep them.
    (uid !== 0 && ownCapabilities() === "held") ||
    (gid !== 0 && supplementaryGroups().includes(0));
  if (kept || (uid !== 0 && (libc().setuid(0) === 0 || libc().setgid(0) === 0))) {
    throw new Error(`Cannot give up root's rights for good: user ${uid}, group ${gid}`);
  }
  // setresuid(2) has taken the others of all threads. These give nothing by themselves.
  if (uid !== 0 && ownCapabilities() === "inheritable") giveUpCapabilities();
}

function supplementaryGroups(): readonly number[] {
  const groups = new Uint32Array(65536);
  const count = libc().getgroups(groups.length, groups);
  return [...groups.subarray(0, Math.max(0, count))];
}

function succeed(result: number, call: string): void {
  if (result !== 0) throw new SystemError(call, lastErrno());
}

/**
 * The options `user` and `group` of hosts_options(5): a user, perhaps with a group, or a group alone.
 */
export type RunAs =
  | { readonly option: "user"; readonly user: string; readonly group: string | undefined }
  | { readonly option: "group"; readonly group: string };

/**
 * Switches this process to a user or a group for good. One that runs as that already keeps its
 * supplementary groups.
 *
 * @throws {SystemError} when this process may not.
 */
export function switchTo(target: RunAs): void {
  if (alreadyRunsAs(target)) return;
  const { account, gid } = find(target);
  if (account !== undefined) return dropPrivileges(account, gid);
  const failed = libc().setgroups(1n, new Uint32Array([gid])) !== 0 ||
    libc().setresgid(gid, gid, gid) !== 0;
  if (failed) throw new SystemError("setgid", lastErrno(), target.group);
}

/**
 * Whether this process runs as a user or a group.
 * @throws {SystemError} when there is no such account.
 */
export function alreadyRunsAs(target: RunAs): boolean {
  const { account, gid } = find(target);
  return (account === undefined || account.uid === libc().geteuid()) && gid === libc().getegid();
}

/** The account, of which a group alone has none, and the group. */
function find(target: RunAs): { readonly account: Account | undefined; readonly gid: number } {
  if (target.option === "group") {
    return { account: undefined, gid: existing(findGroup, target.group) };
  }
  const gid = target.group === undefined ? undefined : existing(findGroup, target.group);
  const account = existing(findAccount, target.user);
  return { account, gid: gid ?? account.gid };
}

/** An account that existed when the rule was read, and may have been removed since. */
function existing<Found>(find: (name: string) => Found | undefined, name: string): Found {
  const found = find(name);
  if (found === undefined) throw new SystemError("getpwnam", Errno.ENOENT, name);
  return found;
}
