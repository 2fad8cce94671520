import { ffi, type Pointer } from "./ffi.ts";
import { bindLater, cString, textAt, userAndGroup } from "./libc.ts";

const libc = bindLater({
  getpwnam: { args: ["buffer"], returns: "ptr" },
  getpwuid: { args: ["u32"], returns: "ptr" },
  getgrnam: { args: ["buffer"], returns: "ptr" },
  getgrgid: { args: ["u32"], returns: "ptr" },
});

// struct passwd and struct group of 64-bit Linux, glibc and musl alike.
const PW_NAME = 0;
const PW_UID = 16;
const PW_GID = 20;
const PW_DIR = 32;
const PW_SHELL = 40;
const GR_NAME = 0;
const GR_GID = 16;

/** An entry of the user database. */
export interface Account {
  readonly name: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** The account of a user name or number. A number need not be in the user database. */
export function findAccount(user: string): Account | undefined {
  const byName = accountAt(libc().getpwnam(cString(user)) as Pointer | null);
  if (byName !== undefined || !/^[0-9]{1,10}$/.test(user)) return byName;
  return accountOf(Number(user));
}

/** The account of a user id. One that is not in the user database has no name, and `/` as its home. */
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

/** Whether getpwnam(3) knows a user. */
export function userExists(name: string): boolean {
  return libc().getpwnam(cString(name)) !== null;
}

/** Whether getgrnam(3) knows a group. */
export function groupExists(name: string): boolean {
  return libc().getgrnam(cString(name)) !== null;
}

/** The id of a group name or number. */
export function findGroup(group: string): number | undefined {
  const entry = libc().getgrnam(cString(group));
  if (entry !== null) return ffi.read.u32(entry, GR_GID);
  return /^[0-9]{1,10}$/.test(group) ? Number(group) : undefined;
}

/** The name of a group; undefined where the group database has none. */
export function groupNameOfId(gid: number): string | undefined {
  const entry = libc().getgrgid(gid) as Pointer | null;
  return entry === null ? undefined : textAt(ffi.read.ptr(entry, GR_NAME) as Pointer);
}

/** The user and group that something belongs to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The directives of nrpe.cfg that name the agent's user and group. */
export interface AgentSettings {
  readonly nrpe_user?: string | undefined;
  readonly nrpe_group?: string | undefined;
}

/**
 * The user and group that the agent runs as after dropping privileges: started by root, those of
 * nrpe.cfg as far as they exist, otherwise its own.
 */
export function agentOf({ nrpe_user, nrpe_group }: AgentSettings): Owner {
  const own = userAndGroup();
  if (own.uid !== 0 || nrpe_user === undefined) return own;
  const account = findAccount(nrpe_user);
  if (account === undefined) return own;
  const group = nrpe_group === undefined ? undefined : findGroup(nrpe_group);
  return { uid: account.uid, gid: group ?? account.gid };
}
