import { type Account, becomeForGood, findAccount, findGroup } from "./account.ts";
import { bindLater, Errno, lastErrno, SystemError } from "./libc.ts";

const libc = bindLater({
  geteuid: { args: [], returns: "u32" },
  getegid: { args: [], returns: "u32" },
  setgroups: { args: ["u64", "buffer"], returns: "i32" },
  setresgid: { args: ["u32", "u32", "u32"], returns: "i32" },
});

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
  if (isIdentity(identity)) return;
  const { account, gid } = find(identity);
  if (account !== undefined) return becomeForGood(account, gid);
  const failed = libc().setgroups(1n, new Uint32Array([gid])) !== 0 ||
    libc().setresgid(gid, gid, gid) !== 0;
  if (failed) throw new SystemError("setgid", lastErrno(), identity.group);
}

/**
 * Whether this process is such a user or group already.
 * @throws {SystemError} when there is no such account.
 */
export function isIdentity(identity: Identity): boolean {
  const { account, gid } = find(identity);
  return (account === undefined || account.uid === libc().geteuid()) && gid === libc().getegid();
}

/** The account, of which a group alone has none, and the group. */
function find(identity: Identity): { readonly account: Account | undefined; readonly gid: number } {
  if (identity.option === "group") {
    return { account: undefined, gid: demand(findGroup, identity.group) };
  }
  const gid = identity.group === undefined ? undefined : demand(findGroup, identity.group);
  const account = demand(findAccount, identity.user);
  return { account, gid: gid ?? account.gid };
}

/** Accounts have been found once, when the rule was read; they may be gone by now. */
function demand<Found>(find: (name: string) => Found | undefined, name: string): Found {
  const found = find(name);
  if (found === undefined) throw new SystemError("getpwnam", Errno.ENOENT, name);
  return found;
}
