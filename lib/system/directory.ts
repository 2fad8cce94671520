import { type Pointer, read, toArrayBuffer } from "bun:ffi";
import { decodeBytes } from "../bytes.ts";
import {
  bindLater,
  closeFile,
  cString,
  Errno,
  lastErrno,
  Open,
  openFile,
  SystemError,
} from "./libc.ts";

const libc = bindLater({
  opendir: { args: ["buffer"], returns: "ptr" },
  readdir: { args: ["ptr"], returns: "ptr" },
  closedir: { args: ["ptr"], returns: "i32" },
  realpath: { args: ["buffer", "buffer"], returns: "ptr" },
});

// struct dirent of 64-bit Linux, glibc and musl alike.
const D_RECLEN = 16;
const D_TYPE = 18;
const D_NAME = 19;
const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_LNK = 10;
const PATH_MAX = 4096;

/** A directory's entries, but for `.` and `..`; a link counts as what it leads to. */
export interface DirectoryListing {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/**
 * Lists a directory.
 * @throws {SystemError} when it cannot be opened.
 */
export function listDirectory(path: string): DirectoryListing {
  const stream = libc().opendir(cString(path));
  if (stream === null) throw new SystemError("opendir", lastErrno(), path);
  const files: string[] = [];
  const directories: string[] = [];
  for (let entry = libc().readdir(stream); entry !== null; entry = libc().readdir(stream)) {
    const name = nameOf(entry);
    if (name === "." || name === "..") continue;
    const type = read.u8(entry, D_TYPE);
    const isDirectory = type === DT_DIR ||
      ((type === DT_LNK || type === DT_UNKNOWN) && leadsToDirectory(`${path}/${name}`));
    (isDirectory ? directories : files).push(name);
  }
  libc().closedir(stream);
  return { files, directories };
}

function nameOf(entry: Pointer | bigint): string {
  const room = read.u16(entry, D_RECLEN) - D_NAME;
  const bytes = new Uint8Array(toArrayBuffer(entry, D_NAME, room));
  return decodeBytes(bytes, 0, bytes.indexOf(0));
}

/** Whether a path leads to a directory that can be read. */
export function leadsToDirectory(path: string): boolean {
  try {
    closeFile(openFile(path, Open.directory));
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno !== Errno.EACCES) return false;
    throw error;
  }
}

/** The path of a file without links in it, see realpath(3); undefined where there is no such file. */
export function canonicalPath(path: string): string | undefined {
  const resolved = new Uint8Array(PATH_MAX + 1);
  if (libc().realpath(cString(path), resolved) === null) return undefined;
  return decodeBytes(resolved, 0, resolved.indexOf(0));
}
