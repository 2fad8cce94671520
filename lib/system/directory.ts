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

// struct dirent of 64-bit Linux, glibc and musl alike.
const D_TYPE = 18;
const D_NAME = 19;
/** Room for a struct dirent; names of some file systems have more than 255 bytes. */
const DIRENT_SIZE = 4352;
const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_LNK = 10;

/** A directory's entries, but for `.` and `..`; a link counts as what it leads to. */
export interface DirectoryListing {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  /** Those of which this user cannot know what they are, and why. */
  readonly odd: readonly OddEntry[];
}

/** An entry that may lead to a file or to a directory. */
interface OddEntry {
  readonly name: string;
  readonly reason: string;
}

/**
 * Lists a directory.
 * @throws {SystemError} when it cannot be opened or read to its end, or when it cannot be said now what
 * an entry is.
 */
export function listDirectory(path: string): DirectoryListing {
  const stream = libc().opendir(cString(path));
  if (stream === null) throw new SystemError("opendir", lastErrno(), path);
  const files: string[] = [];
  const directories: string[] = [];
  const odd: OddEntry[] = [];
  const entry = new Uint8Array(DIRENT_SIZE);
  // A pointer, NULL at the end; the two halves of it cost less than an array of 64 bits.
  const found = new Uint32Array(2);
  try {
    for (;;) {
      // readdir(3) tells a failure from the end by errno alone, which the runtime may set in between.
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

/** Whether a path leads to a directory that can be read. */
export function isDirectory(path: string): boolean {
  return openAsDirectory(path) === 0;
}

/** 0 if a path leads to a directory, or the errno that opening it as one fails with. */
function openAsDirectory(path: string): number {
  try {
    closeFile(openFile(path, Open.directory));
    return 0;
  } catch (error) {
    if (error instanceof SystemError) return error.errno;
    throw error;
  }
}

/** The path of a file without links in it, see realpath(3); undefined where there is no such file. */
export function canonicalPath(path: string): string | undefined {
  const resolved = new Uint8Array(Linux.PATH_MAX + 1);
  if (libc().realpath(cString(path), resolved) === null) return undefined;
  return decodeBytes(resolved, 0, resolved.indexOf(0));
}

/** Whether there is a file of that name, or something that keeps this user from knowing. */
export function exists(path: string): boolean {
  try {
    closeFile(openFile(path, Open.readOnlyAtOnce));
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno !== Errno.ENOENT;
  }
}
