/**
 * The agent's own files: the log file, the pid file and the TLS state file. Root opens them before it
 * drops privileges, in directories that the agent's user may write to. That user may have put a trap
 * there: a symbolic or hard link to a file of root's, or a FIFO, which open(2) would wait for.
 *
 * The directory is opened once and all names are looked up in it, so that it cannot be replaced between
 * two steps. Owners are changed by descriptor only.
 */
import { decodeBytes } from "../bytes.ts";
import type { Owner } from "./account.ts";
import { fstatLayout, openFlags } from "./architecture.ts";
import { fstat, S_IFMT, S_IFREG } from "./file_status.ts";
import {
  bindLater,
  closeFile,
  cString,
  describeErrno,
  Errno,
  lastErrno,
  openFile,
  readToEnd,
  SystemError,
  userAndGroup,
  writeAll,
} from "./libc.ts";
import { Linux } from "./linux.ts";

const libc = bindLater({
  openat: { args: ["i32", "buffer", "i32", "u32"], returns: "i32" },
});

const rare = bindLater({
  readlinkat: { args: ["i32", "buffer", "buffer", "u64"], returns: "i32" },
  fchmod: { args: ["i32", "u32"], returns: "i32" },
  fchown: { args: ["i32", "u32", "u32"], returns: "i32" },
  renameat: { args: ["i32", "buffer", "i32", "buffer"], returns: "i32" },
  unlinkat: { args: ["i32", "buffer", "i32"], returns: "i32" },
});

const { O_CREAT, O_EXCL, O_NOCTTY, O_NONBLOCK, O_WRONLY, O_APPEND } = openFlags;
const { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH } = openFlags;
const DIRECTORY = O_PATH | O_DIRECTORY | O_CLOEXEC;
/** open(2) must not wait for the other end of a FIFO, or for a lease on a file. */
const SAFELY = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
const S_IFLNK = 0o120000;
/** Mode bits, see inode(7): group or others may write. */
export const WRITABLE_BY_OTHERS = 0o022;
const READABLE_BY_ALL = 0o004;
const ROOT = 0;
/** The group that leaves a file's group unchanged, see fchown(2). */
const SAME_GROUP = 0xffffffff;
/** How many links are followed in a path, as by the kernel, see path_resolution(7). */
const MOST_LINKS = 40;
/** How often opening is tried while the file is being created and removed. */
const MOST_ATTEMPTS = 16;

/** A file that cannot be opened or must not be used. The message is the reason, without the path. */
export class FileRefused extends Error {
  override readonly name = "FileRefused";
  /** @param errno Of the system call that failed, if one did. */
  constructor(reason: string, readonly errno = 0) {
    super(reason);
  }
}

/** A name in an open directory. */
export interface Entry {
  readonly directory: number;
  readonly name: string;
}

/** See inode(7). */
interface Inode {
  /** Device and inode number, which identify a file while it exists. */
  readonly identity: string;
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly size: number;
}

/** An open file; `found` is missing where it has just been created. */
interface Opened {
  readonly fd: number;
  readonly found: Inode | undefined;
}

/**
 * Opens the directory of a file, which the caller closes.
 *
 * Root follows a symbolic link on the way only if root alone can have made it, as `/var/run`: any other
 * may lead to a directory where a file of that name has a meaning. Other users follow all links.
 *
 * @throws {FileRefused}
 */
export function openEntry(path: string): Entry {
  const slash = path.lastIndexOf("/");
  const parent = slash < 0 ? "." : path.slice(0, slash + 1);
  try {
    const directory = userAndGroup().uid === ROOT
      ? openDirectory(parent)
      : openFile(parent, DIRECTORY);
    return { directory, name: path.slice(slash + 1) };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw refusedBy(error.errno);
  }
}

/** Opens a directory as root, component by component. */
function openDirectory(path: string): number {
  let links = 0;
  let directory = openFile(path.startsWith("/") ? "/" : ".", DIRECTORY);
  try {
    for (const ahead = path.split("/").reverse(); ahead.length > 0;) {
      const name = ahead.pop()!;
      if (name === "" || name === ".") continue;
      let next = libc().openat(directory, cString(name), DIRECTORY | O_NOFOLLOW, 0);
      if (next < 0) {
        const errno = lastErrno();
        // The errors of open(2) for a link, see O_DIRECTORY and O_NOFOLLOW.
        if (errno !== Errno.ENOTDIR && errno !== Errno.ELOOP) throw refusedBy(errno);
        if (++links > MOST_LINKS) throw refusedBy(Errno.ELOOP);
        const target = targetOfLink(directory, name);
        ahead.push(...target.split("/").reverse());
        if (!target.startsWith("/")) continue;
        next = openFile("/", DIRECTORY);
      }
      closeFile(directory);
      directory = next;
    }
  } catch (error) {
    closeFile(directory);
    throw error;
  }
  return directory;
}

/** The target of a link that only root can have made. */
function targetOfLink(directory: number, name: string): string {
  const fd = libc().openat(directory, cString(name), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0) throw refusedBy(lastErrno());
  try {
    const link = inodeOf(fd);
    if ((link.mode & S_IFMT) !== S_IFLNK) throw refusedBy(Errno.ENOTDIR);
    const parentInode = inodeOf(directory);
    // In a directory that others may write to, a link of root's may have been moved or linked there.
    const planted = (parentInode.mode & WRITABLE_BY_OTHERS) !== 0 && link.links !== 1;
    if (link.uid !== ROOT || parentInode.uid !== ROOT || planted) {
      throw new FileRefused(
        `'${name}' on the way to it is a symbolic link that somebody else than root controls`,
      );
    }
    const target = new Uint8Array(Linux.PATH_MAX);
    const length = rare().readlinkat(fd, cString(""), target, target.byteLength);
    if (length < 0) throw refusedBy(lastErrno());
    return decodeBytes(target, 0, length);
  } finally {
    closeFile(fd);
  }
}

/**
 * Opens an existing file: a regular one with a single name, owned by root or the agent's user. A device
 * is refused, as by the C agent, since opening one may have an effect.
 *
 * @param flags Of open(2), beside those that make it safe.
 * @returns undefined where there is no file.
 * @throws {FileRefused}
 */
function openExisting(entry: Entry, flags: number, agent: Owner): Opened | undefined {
  const fd = libc().openat(entry.directory, cString(entry.name), flags | SAFELY, 0);
  if (fd < 0) {
    const errno = lastErrno();
    if (errno === Errno.ENOENT) return undefined;
    if (errno === Errno.ELOOP) throw new FileRefused("it is a symbolic link", errno);
    // A FIFO without a reader, or a socket.
    if (errno === Errno.ENXIO) throw new FileRefused("it is not a regular file", errno);
    throw refusedBy(errno);
  }
  try {
    const found = inodeOf(fd);
    if ((found.mode & S_IFMT) !== S_IFREG) throw new FileRefused("it is not a regular file");
    if (found.links !== 1) {
      throw new FileRefused(`it is a hard link, one of ${found.links} names of a file`);
    }
    if (found.uid !== ROOT && found.uid !== agent.uid) {
      const allowed = agent.uid === ROOT ? "root" : `root or the agent's user ${agent.uid}`;
      throw new FileRefused(`it belongs to user ${found.uid}, not to ${allowed}`);
    }
    return { fd, found };
  } catch (error) {
    closeFile(fd);
    throw error;
  }
}

/**
 * Creates a file.
 * @returns Its descriptor; undefined where the name exists.
 * @throws {FileRefused}
 */
function create(entry: Entry, flags: number, mode: number): number | undefined {
  const how = flags | O_CREAT | O_EXCL | SAFELY;
  const fd = libc().openat(entry.directory, cString(entry.name), how, mode);
  if (fd >= 0) return fd;
  const errno = lastErrno();
  if (errno === Errno.EEXIST) return undefined;
  throw refusedBy(errno);
}

/**
 * Opens a file as {@link openExisting} does, or creates it. In that order, since in some directories
 * O_CREAT fails for a file that exists, see fs.protected_regular in proc(5).
 *
 * @throws {FileRefused}
 */
export function openOrCreate(entry: Entry, flags: number, mode: number, agent: Owner): Opened {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const opened = openExisting(entry, flags, agent);
    if (opened !== undefined) return opened;
    const fd = create(entry, flags, mode);
    if (fd !== undefined) return { fd, found: undefined };
  }
  throw new FileRefused("somebody makes and removes it all the time");
}

/** Whether a name is still that of an open file. */
export function isStillNamed(entry: Entry, fd: number): boolean {
  const how = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  const named = libc().openat(entry.directory, cString(entry.name), how, 0);
  if (named < 0) return false;
  const same = inodeOf(named).identity === inodeOf(fd).identity;
  closeFile(named);
  return same;
}

/** Removes a name; false when that fails. */
export function remove({ directory, name }: Entry): boolean {
  return rare().unlinkat(directory, cString(name), 0) === 0;
}

/**
 * Opens or creates a file for appending, for the agent's user.
 * @param mode The permissions of a new file, whatever the umask is.
 * @throws {FileRefused}
 */
export function openForAppending(path: string, mode: number, agent: Owner): number {
  const entry = openEntry(path);
  try {
    const { fd, found } = openOrCreate(entry, O_WRONLY | O_APPEND, mode, agent);
    // Without the change of owner, the file serves until it is opened again, and then the log says so.
    if (found === undefined) {
      rare().fchmod(fd, mode);
      chown(fd, agent);
    } else if (found.uid === ROOT && !isPlanted(entry, found)) chown(fd, agent, SAME_GROUP);
    return fd;
  } finally {
    closeFile(entry.directory);
  }
}

/**
 * Reads a file; one of root's only if another user cannot have moved it there.
 *
 * @param limit In bytes; of a larger file, one byte more is returned.
 * @returns undefined where there is no file.
 * @throws {FileRefused}
 */
export function readPrivateFile(path: string, limit: number, agent: Owner): Uint8Array | undefined {
  const entry = openEntry(path);
  let opened: Opened | undefined;
  try {
    opened = openExisting(entry, 0, agent);
    if (opened === undefined) return undefined;
    if (isPlanted(entry, opened.found!)) {
      throw new FileRefused("it is root's alone, in a directory that others may write to");
    }
    return readToEnd(opened.fd, path, limit);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw refusedBy(error.errno);
  } finally {
    if (opened !== undefined) closeFile(opened.fd);
    closeFile(entry.directory);
  }
}

/**
 * Replaces or creates a file, whole or not at all. A link in its place is replaced, not followed.
 *
 * @param mode Its permissions, whatever the umask is.
 * @param agent Who is to own it, where that is not this process's user.
 * @throws {FileRefused}
 */
export function replaceFile(
  path: string,
  content: Uint8Array,
  mode: number,
  agent: Owner = userAndGroup(),
): void {
  const entry = openEntry(path);
  const { directory, name } = entry;
  const draft = { directory, name: `${name}.${randomSuffix()}` };
  try {
    const fd = create(draft, O_WRONLY, 0o600);
    if (fd === undefined) throw refusedBy(Errno.EEXIST);
    try {
      const errno = writeAll(fd, content);
      if (errno !== 0) throw refusedBy(errno);
      if (rare().fchmod(fd, mode) !== 0) throw refusedBy(lastErrno());
      const failure = chown(fd, agent);
      if (failure !== 0) throw refusedBy(failure);
      if (rare().renameat(directory, cString(draft.name), directory, cString(name)) !== 0) {
        throw refusedBy(lastErrno());
      }
    } catch (error) {
      remove(draft);
      throw error;
    } finally {
      closeFile(fd);
    }
  } finally {
    closeFile(directory);
  }
}

function randomSuffix(): string {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return `${high!.toString(36)}${low!.toString(36)}`;
}

/**
 * Makes the agent's user the owner of a file of root's, see fchown(2).
 * @returns 0 or an errno.
 */
function chown(fd: number, { uid, gid }: Owner, group = gid): number {
  if (userAndGroup().uid !== ROOT || uid === ROOT) return 0;
  return rare().fchown(fd, uid, group) === 0 ? 0 : lastErrno();
}

/**
 * Whether a file of root's may be a secret that another user has moved there: write permission for two
 * directories is enough to move a file that only root can read.
 */
function isPlanted({ directory }: Entry, { uid, mode, size }: Inode): boolean {
  if (uid !== ROOT || size === 0 || (mode & READABLE_BY_ALL) !== 0) return false;
  // Other users read with their own permissions.
  if (userAndGroup().uid !== ROOT) return false;
  const parentInode = inodeOf(directory);
  return parentInode.uid !== ROOT || (parentInode.mode & WRITABLE_BY_OTHERS) !== 0;
}

/** fstat(2). */
function inodeOf(fd: number): Inode {
  const { st_dev, st_ino, st_mode, st_nlink, st_uid, st_size } = fstatLayout;
  const status = fstat(fd);
  if (status === undefined) throw refusedBy(lastErrno());
  const view = new DataView(status.buffer);
  return {
    identity: `${view.getBigUint64(st_dev, true)} ${view.getBigUint64(st_ino, true)}`,
    mode: view.getUint32(st_mode, true),
    // A long on one architecture, an int on the other. No file has 2^32 names.
    links: view.getUint32(st_nlink, true),
    uid: view.getUint32(st_uid, true),
    size: Number(view.getBigInt64(st_size, true)),
  };
}

function refusedBy(errno: number): FileRefused {
  return new FileRefused(describeErrno(errno), errno);
}
