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
/** Nobody is to have the file open before its lock is taken. */
const UNTIL_LOCKED = 0o600;
const READABLE = 0o644;
/** The longest content that is looked at, in bytes. */
const LONGEST_CONTENT = 32;

/**
 * How long a lock may be held that is not for life, in milliseconds: an agent that ends takes it once
 * more, for as long as it takes to remove the file.
 */
const LOCK_TIMEOUT = 1_000;

/** A pid file that this process holds. */
export interface PidFile {
  readonly path: string;
  /** Lets the next agent take the file over, which goes on naming this process until then. */
  readonly release: () => void;
  /**
   * Removes it, or empties it where the directory lets nobody remove it; false when neither works. One
   * that the next agent has taken over stays as it is.
   */
  readonly remove: () => boolean;
}

/** What came of writing a pid file. */
type PidFileResult =
  | { readonly kind: "held"; readonly file: PidFile }
  | { readonly kind: "taken"; readonly pid: number }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * Writes this process's id into a file, followed by a newline, and holds a write lock on it, one of an
 * open file description, see fcntl(2). Whether an agent runs is decided by that lock alone; what an
 * agent that has ended left behind is written anew.
 *
 * The file is root's where root starts the agent, and stays so: root sends signals to the process that
 * it names.
 *
 * @param agent The user that the agent is going to be, who may own a file of earlier days.
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
 * Opens the file, and takes its lock.
 *
 * A file that others may write to, or hold a read lock on, for which it takes no more than the right to
 * read, is removed and made anew: neither may hold up an agent or say whom root sends signals to.
 *
 * @throws {FileRefused}
 */
function openLocked(
  entry: Entry,
  agent: Owner,
): { readonly kind: "locked"; readonly fd: number } | { readonly kind: "taken"; pid: number } {
  const { uid } = userAndGroup();
  for (const end = now() + LOCK_TIMEOUT;;) {
    const { fd, found } = openOrCreate(entry, openFlags.O_RDWR, UNTIL_LOCKED, agent);
    const isForeign = found !== undefined &&
      (found.uid !== uid || (found.mode & WRITABLE_BY_OTHERS) !== 0);
    const lock = isForeign ? "foreign" : takeLock(fd);
    // Meanwhile the name may have become another file's, as by the line below.
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
      // Without the lock the name could become the next agent's before it is removed.
      const gone = !isOwn || (lock === "own" && remove(entry)) || libc.ftruncate(fd, 0n) === 0;
      closeFile(fd);
      closeFile(entry.directory);
      return gone;
    },
  };
}

/** Takes the write lock, or says whose is in the way, or of which errno there is none to be had. */
function takeLock(fd: number): "own" | "a reader's" | "a writer's" | number {
  const errno = setLock(fd, F_WRLCK);
  if (errno === 0) return "own";
  if (errno !== Errno.EAGAIN && errno !== Errno.EACCES) return errno;
  const other = fileLock(F_WRLCK);
  const found = libc.fcntl(fd, F_OFD_GETLK, other) === 0 && (other[0]! & 0xffff) === F_RDLCK;
  return found ? "a reader's" : "a writer's";
}

/** Sets the lock, or gives it up; returns 0 or errno. */
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

/** Puts a content in the place of the old one; who reads it meanwhile never finds it empty. */
function writeContent(fd: number, content: string): number {
  const bytes = encodeBytes(content);
  const count = libc.pwrite(fd, bytes, bytes.byteLength, 0n);
  if (count < 0) return lastErrno();
  if (count < bytes.byteLength) return Errno.ENOSPC;
  const done = libc.ftruncate(fd, BigInt(count)) === 0 && libc.fchmod(fd, READABLE) === 0;
  return done ? 0 : lastErrno();
}
