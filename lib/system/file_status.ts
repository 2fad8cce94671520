import { bindLater, lastErrno, SystemError } from "./libc.ts";

// glibc has a function fstat since 2.33 only; the system call's number and struct are the kernel's.
const libc = bindLater({ syscall: { args: ["i64", "i32", "buffer"], returns: "i32" } });

const IS_ARM64 = process.arch === "arm64";
const SYS_FSTAT = IS_ARM64 ? 80 : 5;

// `struct stat` of <asm/stat.h>, in words of 32 bits.
const WORDS = 36;
const MODE = IS_ARM64 ? 4 : 6;
const SIZE = 12;
const MTIME = 22;
const CTIME = 26;
const CTIME_END = 30;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;

/** What fstat(2) says of a file, as the kernel has it. */
export type FileStatus = Uint32Array;

/**
 * fstat(2).
 * @throws {SystemError}
 */
export function statusOf(fd: number, path: string): FileStatus {
  const status = new Uint32Array(WORDS);
  if (libc().syscall(SYS_FSTAT, fd, status) !== 0) {
    throw new SystemError("fstat", lastErrno(), path);
  }
  return status;
}

/**
 * Whether reading may come to an end of its own: with regular files, directories, which fail, and
 * devices such as the null device. A FIFO or a socket has what somebody else puts into it, perhaps never.
 */
export function hasAnEnd(status: FileStatus): boolean {
  const type = status[MODE]! & S_IFMT;
  return type === S_IFREG || type === S_IFDIR || type === S_IFCHR;
}

/** Whether neither the size nor the times of a file differ. */
export function isUnchanged(before: FileStatus, after: FileStatus): boolean {
  if (before[SIZE] !== after[SIZE] || before[SIZE + 1] !== after[SIZE + 1]) return false;
  for (let at = MTIME; at < CTIME_END; at++) if (before[at] !== after[at]) return false;
  return true;
}

/** When a file was changed, in milliseconds since 1970; unlike its mtime, nobody sets that. */
export function changedAt(status: FileStatus): number {
  const seconds = status[CTIME]! + status[CTIME + 1]! * 2 ** 32;
  return seconds * 1000 + status[CTIME + 2]! / 1e6;
}
