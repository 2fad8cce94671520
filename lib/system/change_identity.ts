import { becomeForGood, findAccount, findGroup } from "./account.ts";
import { bindLibc, Errno, lastErrno, SystemError } from "./libc.ts";

/** Whom to become: a user with its own group or another one, or another group alone. */
export type Identity =
  | { readonly option: "user"; readonly user: string; readonly group: string | undefined }
  | { readonly option: "group"; readonly group: string };

/**
 * Becomes a user or a group for good, as the options `user` and `group` of hosts_options(5) ask. Who
 * is that already stays as it is, the supplementary groups too.
 *
 * @throws {SystemError} when this process may not.
 */
export function changeIdentity(identity: Identity): void {
  const libc = bindLibc({
    geteuid: { args: [], returns: "u32" },
    getegid: { args: [], returns: "u32" },
    setgroups: { args: ["u64", "buffer"], returns: "i32" },
    setresgid: { args: ["u32", "u32", "u32"], returns: "i32" },
  });
  const group = identity.group === undefined ? undefined : demand(findGroup, identity.group);
  if (identity.option === "user") {
    const account = demand(findAccount, identity.user);
    const gid = group ?? account.gid;
    if (account.uid !== libc.geteuid() || gid !== libc.getegid()) becomeForGood(account, gid);
  } else if (group !== undefined && group !== libc.getegid()) {
    const failed = libc.setgroups(1n, new Uint32Array([group])) !== 0 ||
      libc.setresgid(group, group, group) !== 0;
    if (failed) throw new SystemError("setgid", lastErrno(), identity.group);
  }
}

/** Accounts have been found once, when the rule was read; they may be gone by now. */
function demand<Found>(find: (name: string) => Found | undefined, name: string): Found {
  const found = find(name);
  if (found === undefined) throw new SystemError("getpwnam", Errno.ENOENT, name);
  return found;
}
