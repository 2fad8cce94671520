import { fstatLayout } from "./architecture.ts";
import { syscall } from "./syscall.ts";

const { call, size, st_ctime, st_dev, st_ino, st_mode, st_mtime, st_size } = fstatLayout;
/** The size of `struct stat` and the offsets of its members, in words of 32 bits. */
const WORDS = size / 4;
const DEVICE = st_dev / 4;
const INODE = st_ino / 4;
const MODE = st_mode / 4;
const SIZE = st_size / 4;
const MTIME = st_mtime / 4;
const CTIME = st_ctime / 4;
/** The size of mtime and ctime together: seconds and nanoseconds of 64 bits each. */
const TIMES = 8;

export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;

/** The kernel's `struct stat`. */
export type FileStatus = Uint32Array<ArrayBuffer>;

/** fstat(2); undefined where it fails, with errno set. */
export function fstat(fd: number): FileStatus | undefined {
  const status = new Uint32Array(WORDS);
  return syscall(call, fd, status, null, 0) === 0 ? status : undefined;
}

/**
 * Whether reading ends without another process: for regular files, for directories, where it fails, and
 * for devices such as the null device. A FIFO or a socket may have no writer.
 */
export function hasAnEnd(status: FileStatus): boolean {
  const type = status[MODE]! & S_IFMT;
  return type === S_IFREG || type === S_IFDIR || type === S_IFCHR;
}

/** Whether both are of the same inode. */
export function isSameInode(one: FileStatus, other: FileStatus): boolean {
  return one[DEVICE] === other[DEVICE] && one[DEVICE + 1] === other[DEVICE + 1] &&
    one[INODE] === other[INODE] && one[INODE + 1] === other[INODE + 1];
}

/** The size of a regular file in bytes, undefined of anything else. */
export function regularSizeOf(status: FileStatus): number | undefined {
  if ((status[MODE]! & S_IFMT) !== S_IFREG) return undefined;
  return status[SIZE]! + status[SIZE + 1]! * 2 ** 32;
}

/** Whether size, mtime and ctime are the same. */
export function isUnchanged(before: FileStatus, after: FileStatus): boolean {
  if (before[SIZE] !== after[SIZE] || before[SIZE + 1] !== after[SIZE + 1]) return false;
  for (let at = MTIME; at < MTIME + TIMES; at++) if (before[at] !== after[at]) return false;
  return true;
}

/** The ctime in milliseconds since 1970. Unlike the mtime it cannot be set. */
export function ctimeOf(status: FileStatus): number {
  const seconds = status[CTIME]! + status[CTIME + 1]! * 2 ** 32;
  return seconds * 1000 + status[CTIME + 2]! / 1e6;
}
