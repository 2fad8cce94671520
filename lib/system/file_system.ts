import { calls } from "./architecture.ts";
import { syscall } from "./syscall.ts";

/** The size of `struct statfs` in words of 32 bits; `f_type`, a word of 64, comes first in it. */
const STATFS_WORDS = 30;

/**
 * File systems in which every change of a file gives it a new ctime, to the tick of this machine's
 * clock or to the second: <linux/magic.h>. Elsewhere another machine changes files by its own clock
 * (NFS, CIFS, 9p), a program answers for them (FUSE), or the ctime is the mtime, which can be set (FAT).
 * Files of an overlay have the ctime of the file system below it.
 */
const WITH_CTIME: readonly number[] = [
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0xca451a4e, // bcachefs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlay
];

/** Whether every change of an open file changes its ctime. */
export function hasTrueCtime(fd: number): boolean {
  const status = new Uint32Array(STATFS_WORDS);
  return syscall(calls.fstatfs, fd, status, null, 0) === 0 && WITH_CTIME.includes(status[0]!);
}
