import { decodeBytes } from "../bytes.ts";
import type { ConfigFiles, FileResult } from "./draft.ts";
import { canonicalPath, listDirectory } from "../system/directory.ts";
import {
  ctimeOf,
  type FileStatus,
  fstat,
  hasAnEnd,
  isSameInode,
  isUnchanged,
  regularSizeOf,
} from "../system/file_status.ts";
import {
  closeFile,
  describeErrno,
  Errno,
  lastErrno,
  now,
  Open,
  openFile,
  readToEnd,
  SystemError,
  userAndGroup,
  waitFor,
} from "../system/libc.ts";

const LARGEST_CONFIG_FILE = 16 * 1024 * 1024;

/**
 * The longest tick of the clock for a file's times, in milliseconds (CONFIG_HZ=100). Two writes within
 * one tick leave the same times.
 */
const TICK = 10;

/** How often a file is read again that has changed while it was read. */
const MOST_READINGS = 20;

/** The files of this host, for loadConfig(). */
export const configFiles: ConfigFiles = {
  read: (path) => resultOf(() => readWhole(path)),
  list: (path) => resultOf(() => ({ kind: "content", content: listDirectory(path) })),
  identify: (path) => canonicalPath(path) ?? path,
};

/** The files that a configuration was made from. */
export interface FileWatch {
  /** Reads files, and remembers them. */
  readonly files: ConfigFiles;
  /** Remembers a file that is read elsewhere. */
  readonly add: (path: string) => void;
  /** All of them, and the directories that were listed. */
  readonly paths: () => readonly string[];
  /** Whether one of them, or one of the directories that were listed, is another one by now. */
  readonly hasChanged: () => boolean;
}

/** Watches the files that are read through it; see inode(7) for the times that betray a change. */
export function watchFiles(files: ConfigFiles): FileWatch {
  const remembered = new Map<string, FileStatus | undefined>();
  // Before it is read: a change in between is one.
  const add = (path: string) => {
    if (!remembered.has(path)) remembered.set(path, statusAt(path));
  };
  return {
    files: {
      read(path) {
        add(path);
        return files.read(path);
      },
      list(path) {
        add(path);
        return files.list(path);
      },
      identify: files.identify,
    },
    add,
    paths: () => [...remembered.keys()],
    hasChanged() {
      for (const [path, before] of remembered) {
        const after = statusAt(path);
        if (before === undefined || after === undefined) {
          if (before !== after) return true;
        } else if (!isSameInode(before, after) || !isUnchanged(before, after)) return true;
      }
      return false;
    },
  };
}

/** The status of a file; undefined where it cannot be opened. */
function statusAt(path: string): FileStatus | undefined {
  let fd: number;
  try {
    fd = openFile(path, Open.readOnlyAtOnce);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
  const status = fstat(fd);
  closeFile(fd);
  return status;
}

/** Reads a file until it has not changed while it was read. */
function readWhole(path: string): FileResult<string> {
  for (let reading = 0; reading < MOST_READINGS; reading++) {
    // With O_NONBLOCK, open(2) does not wait for the writer of a FIFO.
    const fd = openFile(path, Open.readOnlyAtOnce);
    try {
      const before = requireStatus(fd, path);
      if (!hasAnEnd(before)) return failure("it is neither a regular file nor a device");
      const size = regularSizeOf(before);
      const bytes = readToEnd(fd, path, LARGEST_CONFIG_FILE, size);
      if (bytes.byteLength > LARGEST_CONFIG_FILE) {
        return failure(`it is larger than ${LARGEST_CONFIG_FILE} bytes`);
      }
      const after = requireStatus(fd, path);
      const age = Date.now() - ctimeOf(after);
      // Date.now() has no fractions. A ctime in the future comes from a clock that was set back.
      const settled = age <= -1 || age >= TICK;
      if (settled && isUnchanged(before, after)) {
        return { kind: "content", content: decodeBytes(bytes) };
      }
    } finally {
      closeFile(fd);
    }
    waitFor([], now() + TICK);
  }
  return failure(`it changes all the time, it was read ${MOST_READINGS} times`);
}

function requireStatus(fd: number, path: string): FileStatus {
  const status = fstat(fd);
  if (status === undefined) throw new SystemError("fstat", lastErrno(), path);
  return status;
}

function failure(reason: string): FileResult<never> {
  return { kind: "failure", reason };
}

function resultOf<Content>(read: () => FileResult<Content>): FileResult<Content> {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const reason = describeErrno(error.errno);
    if (error.errno === Errno.ENOENT) return { kind: "missing", reason };
    if (error.errno !== Errno.EACCES) return failure(reason);
    // An agent that root started may be unable to read the file at SIGHUP, after dropping privileges.
    const { uid, gid } = userAndGroup();
    return failure(`${reason} to this process (user ${uid}, group ${gid})`);
  }
}
