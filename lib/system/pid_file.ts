import { decodeBytes, encodeBytes } from "../bytes.ts";
import type { Owner } from "./account.ts";
import { openFlags } from "./architecture.ts";
import {
  bindLibc,
  closeFile,
  describeErrno,
  Errno,
  lastErrno,
  now,
  userAndGroup,
  waitFor,
} from "./libc.ts";
import {
  type Entry,
  FileRefused,
  isStillNamed,
  openEntry,
  openOrCreate,
  remove,
  WRITABLE_BY_OTHERS,
} from "./private_file.ts";

const libc = bindLibc({
  ftruncate: { args: ["i32", "i64"], returns: "i32" },
  fchmod: { args: ["i32", "u32"], returns: "i32" },
  pread: { args: ["i32", "buffer", "u64", "i64"], returns: "i32" },
  pwrite: { args: ["i32", "buffer", "u64", "i64"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "buffer"], returns: "i32" },
});

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;
/** Only the owner may open the file before it is locked. */
const MODE_UNLOCKED = 0o600;
const MODE_LOCKED = 0o644;
/** How much of the file is read, in bytes. */
const LONGEST_CONTENT = 32;

/**
 * How long another lock is waited for, in milliseconds: an agent that ends holds it again while it
 * removes the file.
 */
const LOCK_TIMEOUT = 1_000;

/** A pid file that this process holds. */
export interface PidFile {
  readonly path: string;
  /** Unlocks the file, so that the next agent can take it over. Until then it names this process. */
  readonly release: () => void;
  /**
   * Removes the file, or truncates it where the directory is not writable; false when neither works. A
   * file that the next agent has taken over stays as it is.
   */
  readonly remove: () => boolean;
}

/** A pid file, or why there is none. `taken` is another agent's. */
type PidFileResult =
  | { readonly kind: "held"; readonly file: PidFile }
  | { readonly kind: "taken"; readonly pid: number }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * Writes this process's id and a newline to a file, and holds a write lock on it, an open file
 * description lock, see fcntl(2). Only that lock says whether an agent runs; a stale file is
 * overwritten.
 *
 * A file of an agent that root starts is and stays root's: root sends signals to the process in it.
 *
 * @param agent The user that the agent runs as later, who may own an old file.
 */
export function holdPidFile(path: string, agent: Owner): PidFileResult {
  let entry: Entry | undefined;
  try {
    entry = openEntry(path);
    const result = openLocked(entry, agent);
    if (result.kind === "locked") {
      const { fd } = result;
      const content = `${process.pid}\n`;
      const errno = writeContent(fd, content);
      if (errno === 0) return { kind: "held", file: held(path, entry, fd, content) };
      closeFile(fd);
      throw new FileRefused(describeErrno(errno), errno);
    }
    closeFile(entry.directory);
    return result;
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    if (entry !== undefined) closeFile(entry.directory);
    return { kind: "failed", reason: error.message };
  }
}

/**
 * Opens and locks the file.
 *
 * A file that other users may write to, or hold a read lock on, which takes read permission only, is
 * replaced: such users must not block an agent, or choose the process that root sends signals to.
 *
 * @throws {FileRefused}
 */
function openLocked(
  entry: Entry,
  agent: Owner,
): { readonly kind: "locked"; readonly fd: number } | { readonly kind: "taken"; pid: number } {
  const { uid } = userAndGroup();
  for (const end = now() + LOCK_TIMEOUT;;) {
    const { fd, found } = openOrCreate(entry, openFlags.O_RDWR, MODE_UNLOCKED, agent);
    const isForeign = found !== undefined &&
      (found.uid !== uid || (found.mode & WRITABLE_BY_OTHERS) !== 0);
    const lock = isForeign ? "foreign" : takeLock(fd);
    // The name may be another file's by now, as after the line below.
    if (lock === "own" && isStillNamed(entry, fd)) return { kind: "locked", fd };
    const pid = Number(/^[0-9]+/.exec(readContent(fd))?.[0] ?? 0);
    closeFile(fd);
    if (typeof lock === "number") {
      throw new FileRefused(`it cannot be locked: ${describeErrno(lock)}`, lock);
    }
    if (now() >= end) return { kind: "taken", pid };
    if (lock === "a writer's") waitFor([], now() + 10);
    else if (lock !== "own" && !remove(entry)) {
      const reason = lock === "foreign" ? "others may write to it" : "somebody holds a lock on it";
      throw new FileRefused(`${reason}, and it cannot be replaced`);
    }
  }
}

function held(path: string, entry: Entry, fd: number, own: string): PidFile {
  return {
    path,
    release: () => void setLock(fd, F_UNLCK),
    remove() {
      const lock = takeLock(fd);
      const isOwn = lock !== "a writer's" && isStillNamed(entry, fd) && readContent(fd) === own;
      // Without the lock, the name could become the next agent's before it is removed.
      const gone = !isOwn || (lock === "own" && remove(entry)) || libc.ftruncate(fd, 0n) === 0;
      closeFile(fd);
      closeFile(entry.directory);
      return gone;
    },
  };
}

/** Takes the write lock: whose it is then, or an errno. */
function takeLock(fd: number): "own" | "a reader's" | "a writer's" | number {
  const errno = setLock(fd, F_WRLCK);
  if (errno === 0) return "own";
  if (errno !== Errno.EAGAIN && errno !== Errno.EACCES) return errno;
  const other = fileLock(F_WRLCK);
  const found = libc.fcntl(fd, F_OFD_GETLK, other) === 0 && (other[0]! & 0xffff) === F_RDLCK;
  return found ? "a reader's" : "a writer's";
}

/** Sets or releases the lock; returns 0 or errno. */
function setLock(fd: number, type: number): number {
  return libc.fcntl(fd, F_OFD_SETLK, fileLock(type)) === 0 ? 0 : lastErrno();
}

/** struct flock { short l_type; short l_whence; off_t l_start; off_t l_len; pid_t l_pid; } */
function fileLock(type: number): Int32Array {
  const lock = new Int32Array(8);
  lock[0] = type;
  return lock;
}

function readContent(fd: number): string {
  const content = new Uint8Array(LONGEST_CONTENT);
  return decodeBytes(content, 0, Math.max(0, libc.pread(fd, content, content.byteLength, 0n)));
}

/** Replaces the content. A reader never finds the file empty. */
function writeContent(fd: number, content: string): number {
  const bytes = encodeBytes(content);
  const count = libc.pwrite(fd, bytes, bytes.byteLength, 0n);
  if (count < 0) return lastErrno();
  if (count < bytes.byteLength) return Errno.ENOSPC;
  const done = libc.ftruncate(fd, BigInt(count)) === 0 && libc.fchmod(fd, MODE_LOCKED) === 0;
  return done ? 0 : lastErrno();
}
