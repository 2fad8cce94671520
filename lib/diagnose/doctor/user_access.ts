import { actAs } from "../../system/act_as.ts";
import { accountOf } from "../../system/account.ts";
import { pathBytes, statusOf } from "../../system/path_status.ts";
import { fileSystem } from "../starters/read_text.ts";
import type { User } from "../lint/file_mode.ts";

/** Permissions of stat(2). */
export const enum Permission {
  read = 4,
  write = 2,
  execute = 1,
}

/** Why a user has no access to a path. */
export interface AccessProblem {
  /** The file or the directory on the way. */
  readonly path: string;
  readonly isOnWay: boolean;
  readonly reason: "missing" | "denied";
  /** Such as `mode 0600, owner 0, group 0`. */
  readonly seen: string;
}

/**
 * Why a user may not use a path; undefined where it may. Root asks the kernel on behalf of the user, and
 * so heeds ACLs; owner, group and mode say where the way ends.
 */
export function accessProblem(
  path: string,
  user: User,
  wanted: Permission,
): AccessProblem | undefined {
  const allowed = isAllowed(path, user, wanted);
  if (allowed === true) return undefined;
  const parts = path.split("/").filter(Boolean);
  for (let count = 0; count <= parts.length; count++) {
    const part = `/${parts.slice(0, count).join("/")}`;
    const isOnWay = count < parts.length;
    const status = statusOf(part);
    if (status === undefined) {
      return { path: part, isOnWay, reason: "missing", seen: "no such file" };
    }
    if (mayUse(status, user, isOnWay ? Permission.execute : wanted)) continue;
    return { path: part, isOnWay, reason: "denied", seen: describeStatus(status) };
  }
  if (allowed === undefined) return undefined;
  return { path, isOnWay: false, reason: "denied", seen: "an ACL, see getfacl(1)" };
}

/** The kernel's answer; undefined where this process may not ask for another user. */
function isAllowed(path: string, user: User, wanted: Permission): boolean | undefined {
  const actor = { account: accountOf(user.uid), gid: user.gids[0] ?? user.uid };
  return actAs(actor, () => {
    try {
      fileSystem().accessSync(pathBytes(path), wanted);
      return true;
    } catch {
      return false;
    }
  });
}

/** Owner, group and mode in words. */
export function describeStatus(
  { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number },
): string {
  return `mode ${(mode & 0o7777).toString(8).padStart(4, "0")}, owner ${uid}, group ${gid}`;
}

function mayUse(
  { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number },
  user: User,
  wanted: Permission,
): boolean {
  if (user.uid === 0) return wanted !== Permission.execute || (mode & 0o111) !== 0;
  if (user.uid === uid) return (mode >> 6 & wanted) === wanted;
  if (user.gids.includes(gid)) return (mode >> 3 & wanted) === wanted;
  return (mode & wanted) === wanted;
}
