import { ffi, type Pointer } from "./ffi.ts";
import { bindLater, cString, lastErrno, SystemError, textAt, userAndGroup } from "./libc.ts";

const libc = bindLater({
  getpwnam: { args: ["buffer"], returns: "ptr" },
  getpwuid: { args: ["u32"], returns: "ptr" },
  getgrnam: { args: ["buffer"], returns: "ptr" },
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

// struct passwd and struct group of 64-bit Linux, glibc and musl alike.
const PW_NAME = 0;
const PW_UID = 16;
const PW_GID = 20;
const PW_DIR = 32;
const PW_SHELL = 40;
const GR_GID = 16;

/** A user, as the system's user database knows it. */
export interface Account {
  readonly name: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** The account of a user name or number; a number need not be in the user database. */
export function findAccount(user: string): Account | undefined {
  const byName = accountAt(libc().getpwnam(cString(user)) as Pointer | null);
  if (byName !== undefined || !/^[0-9]{1,10}$/.test(user)) return byName;
  return accountOf(Number(user));
}

/** The account of a user id; one that is in no database has no name and lives in `/`. */
export function accountOf(uid: number): Account {
  return accountAt(libc().getpwuid(uid) as Pointer | null) ??
    { name: undefined, uid, gid: uid, home: "/", shell: "/bin/sh" };
}

function accountAt(entry: Pointer | null): Account | undefined {
  if (entry === null) return undefined;
  const text = (offset: number) => textAt(ffi.read.ptr(entry, offset) as Pointer);
  return {
    name: text(PW_NAME),
    uid: ffi.read.u32(entry, PW_UID),
    gid: ffi.read.u32(entry, PW_GID),
    home: text(PW_DIR),
    shell: text(PW_SHELL),
  };
}

/** The id of a group name or number. */
export function findGroup(group: string): number | undefined {
  const entry = libc().getgrnam(cString(group));
  if (entry !== null) return ffi.read.u32(entry, GR_GID);
  return /^[0-9]{1,10}$/.test(group) ? Number(group) : undefined;
}

/** The user and group that something belongs to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Whom nrpe.cfg names. */
export interface AgentSettings {
  readonly nrpe_user?: string | undefined;
  readonly nrpe_group?: string | undefined;
}

/**
 * The user and group that the agent is going to be: started by root those of nrpe.cfg, as far as they
 * are known, otherwise its own.
 */
export function agentOf({ nrpe_user, nrpe_group }: AgentSettings): Owner {
  const own = userAndGroup();
  if (own.uid !== 0 || nrpe_user === undefined) return own;
  const account = findAccount(nrpe_user);
  if (account === undefined) return own;
  const group = nrpe_group === undefined ? undefined : findGroup(nrpe_group);
  return { uid: account.uid, gid: group ?? account.gid };
}

/**
 * Becomes a user and a group for good: the supplementary groups are the user's own, and there is no
 * way back, which is checked.
 *
 * @throws {SystemError} when a step fails.
 * @throws {Error} when the old rights could be had again.
 */
export function becomeForGood({ name, uid }: Account, gid: number): void {
  demand(libc().setresgid(gid, gid, gid), "setresgid");
  if (name === undefined) demand(libc().setgroups(1n, new Uint32Array([gid])), "setgroups");
  else demand(libc().initgroups(cString(name), gid), "initgroups");
  demand(libc().setresuid(uid, uid, uid), "setresuid");
  const ids = new Uint32Array(6);
  libc().getresuid(ids.subarray(0, 1), ids.subarray(1, 2), ids.subarray(2, 3));
  libc().getresgid(ids.subarray(3, 4), ids.subarray(4, 5), ids.subarray(5, 6));
  const kept = ids.some((id, at) => id !== (at < 3 ? uid : gid)) ||
    (gid !== 0 && supplementaryGroups().includes(0));
  if (kept || (uid !== 0 && (libc().setuid(0) === 0 || libc().setgid(0) === 0))) {
    throw new Error(`Cannot give up root's rights for good: user ${uid}, group ${gid}`);
  }
}

function supplementaryGroups(): readonly number[] {
  const groups = new Uint32Array(65536);
  const count = libc().getgroups(groups.length, groups);
  return [...groups.subarray(0, Math.max(0, count))];
}

function demand(result: number, call: string): void {
  if (result !== 0) throw new SystemError(call, lastErrno());
}
