import { decodeBytes } from "../bytes.ts";
import {
  bindLater,
  closeFile,
  cString,
  describeErrno,
  Errno,
  lastErrno,
  Open,
  openFile,
  SystemError,
} from "./libc.ts";
import { Linux } from "./linux.ts";

const libc = bindLater({
  opendir: { args: ["buffer"], returns: "ptr" },
  readdir_r: { args: ["ptr", "buffer", "buffer"], returns: "i32" },
  closedir: { args: ["ptr"], returns: "i32" },
  realpath: { args: ["buffer", "buffer"], returns: "ptr" },
});

// struct dirent of 64-bit Linux, in glibc and musl.
const D_TYPE = 18;
const D_NAME = 19;
/** Room for a struct dirent. Some file systems have names of more than 255 bytes. */
const DIRENT_SIZE = 4352;
const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_LNK = 10;

/** A directory's entries, without `.` and `..`. A link counts as its target. */
export interface DirectoryListing {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  /** Those whose type this user is not permitted to find out. */
  readonly odd: readonly OddEntry[];
}

/** An entry that may be a file or a directory. */
interface OddEntry {
  readonly name: string;
  readonly reason: string;
}

/**
 * Lists a directory.
 * @throws {SystemError} when it cannot be opened or read to its end, or the type of an entry cannot be
 * found out now.
 */
export function listDirectory(path: string): DirectoryListing {
  const stream = libc().opendir(cString(path));
  if (stream === null) throw new SystemError("opendir", lastErrno(), path);
  const files: string[] = [];
  const directories: string[] = [];
  const odd: OddEntry[] = [];
  const entry = new Uint8Array(DIRENT_SIZE);
  // A pointer in two halves, NULL at the end. An array of 64-bit elements would cost more.
  const found = new Uint32Array(2);
  try {
    for (;;) {
      // Only errno distinguishes a failure of readdir(3) from the end, and the runtime may change
      // errno.
      const errno = libc().readdir_r(stream, entry, found);
      if (errno !== 0) throw new SystemError("readdir", errno, path);
      if (found[0] === 0 && found[1] === 0) break;
      const name = decodeBytes(entry, D_NAME, entry.indexOf(0, D_NAME));
      if (name === "." || name === "..") continue;
      const type = entry[D_TYPE]!;
      if (type === DT_DIR) directories.push(name);
      else if (type !== DT_LNK && type !== DT_UNKNOWN) files.push(name);
      else {
        const errno = openAsDirectory(`${path}/${name}`);
        if (errno === 0) directories.push(name);
        else if (errno === Errno.ENOTDIR || errno === Errno.ENOENT) files.push(name);
        else if (errno === Errno.EACCES || errno === Errno.ELOOP) {
          odd.push({ name, reason: describeErrno(errno) });
        } else throw new SystemError("open", errno, `${path}/${name}`);
      }
    }
  } finally {
    libc().closedir(stream);
  }
  return { files, directories, odd };
}

/** Whether a path is a directory that can be read. */
export function isDirectory(path: string): boolean {
  return openAsDirectory(path) === 0;
}

/** 0 for a directory, otherwise the errno of opening the path as one. */
function openAsDirectory(path: string): number {
  try {
    closeFile(openFile(path, Open.directory));
    return 0;
  } catch (error) {
    if (error instanceof SystemError) return error.errno;
    throw error;
  }
}

/** realpath(3); undefined where it fails. */
export function canonicalPath(path: string): string | undefined {
  const resolved = new Uint8Array(Linux.PATH_MAX + 1);
  if (libc().realpath(cString(path), resolved) === null) return undefined;
  return decodeBytes(resolved, 0, resolved.indexOf(0));
}

/** Whether a file exists. One that this user cannot look for counts as existing. */
export function exists(path: string): boolean {
  try {
    closeFile(openFile(path, Open.readOnlyAtOnce));
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno !== Errno.ENOENT;
  }
}
