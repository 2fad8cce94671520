import { decodeBytes, encodeBytes } from "../bytes.ts";
import {
  bindLibc,
  closeFile,
  cString,
  Errno,
  openFile,
  readFile,
  readInto,
  SystemError,
  writeAll,
} from "./libc.ts";

const libc = bindLibc({
  unlink: { args: ["buffer"], returns: "i32" },
  ftruncate: { args: ["i32", "i64"], returns: "i32" },
  lseek: { args: ["i32", "i64", "i32"], returns: "i64" },
  fchown: { args: ["i32", "u32", "u32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
});

const O_RDWR_CREAT = 0o2 | 0o100;
const O_NOFOLLOW = 0o400000;
const O_CLOEXEC = 0o2000000;
const LOCK_EX_NB = 2 | 4;
const SEEK_SET = 0;

/** A pid file that this process holds. */
export interface PidFile {
  readonly path: string;
  /** Gives it to the user who is to remove it. */
  readonly giveTo: (uid: number, gid: number) => void;
  /** Removes it, or empties it where the directory lets nobody remove it; false when neither works. */
  readonly remove: () => boolean;
}

/** What came of writing a pid file. */
export type PidFileResult =
  | { readonly kind: "held"; readonly file: PidFile }
  | { readonly kind: "taken"; readonly pid: number }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * Writes this process's id into a file, followed by a newline, and keeps the file locked, see
 * flock(2), as long as the process lives.
 *
 * A file that a dead agent left behind is written anew; so is one whose number now belongs to a
 * process of another kind. A file that a living agent holds is left alone. Links are not followed:
 * the directory may belong to a user with fewer rights.
 */
export function holdPidFile(path: string): PidFileResult {
  let fd: number;
  try {
    fd = openFile(path, O_RDWR_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const reason = error.errno === Errno.ELOOP ? "it is a symbolic link" : error.message;
    return { kind: "failed", reason };
  }
  const content = new Uint8Array(32);
  const length = Math.max(0, readInto(fd, content));
  const other = Number(/^[0-9]+/.exec(decodeBytes(content, 0, length))?.[0] ?? 0);
  if (libc.flock(fd, LOCK_EX_NB) !== 0 || isAgent(other)) {
    closeFile(fd);
    return { kind: "taken", pid: other };
  }
  libc.ftruncate(fd, 0n);
  libc.lseek(fd, 0n, SEEK_SET);
  const errno = writeAll(fd, encodeBytes(`${process.pid}\n`));
  if (errno !== 0) {
    closeFile(fd);
    return { kind: "failed", reason: new SystemError("write", errno).message };
  }
  return {
    kind: "held",
    file: {
      path,
      giveTo: (uid, gid) => void libc.fchown(fd, uid, gid),
      remove() {
        const gone = libc.unlink(cString(path)) === 0 || libc.ftruncate(fd, 0n) === 0;
        closeFile(fd);
        return gone;
      },
    },
  };
}

/** Whether a process other than this one lives and is an NRPE agent, going by its name. */
function isAgent(pid: number): boolean {
  if (pid <= 0 || pid === process.pid) return false;
  try {
    const status = decodeBytes(readFile(`/proc/${pid}/status`));
    // One that nobody has reaped yet lives no more, see proc_pid_status(5).
    return /^Name:.*nrpe/m.test(status) && !/^State:\s*[ZX]/m.test(status);
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}
