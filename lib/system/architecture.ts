/**
 * Numbers and layouts of the kernel's interface that differ between the architectures that the binary
 * is built for. Those that are the same on both stand in linux.ts.
 */

export type Architecture = "x64" | "arm64";

/** Flags of open(2), fcntl(2), pipe2(2) and posix_spawn(3): <asm/fcntl.h>. */
export const OPEN_FLAGS = {
  x64: {
    O_WRONLY: 0o1,
    O_RDWR: 0o2,
    O_CREAT: 0o100,
    O_EXCL: 0o200,
    O_NOCTTY: 0o400,
    O_APPEND: 0o2000,
    O_NONBLOCK: 0o4000,
    O_ASYNC: 0o20000,
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
    O_CLOEXEC: 0o2000000,
    O_PATH: 0o10000000,
  },
  arm64: {
    O_WRONLY: 0o1,
    O_RDWR: 0o2,
    O_CREAT: 0o100,
    O_EXCL: 0o200,
    O_NOCTTY: 0o400,
    O_APPEND: 0o2000,
    O_NONBLOCK: 0o4000,
    O_ASYNC: 0o20000,
    O_DIRECTORY: 0o40000,
    O_NOFOLLOW: 0o100000,
    O_CLOEXEC: 0o2000000,
    O_PATH: 0o10000000,
  },
} as const satisfies Record<Architecture, Readonly<Record<string, number>>>;

/**
 * The number of fstat(2), and the offsets of `struct stat` in bytes: <asm/unistd.h> and <asm/stat.h>.
 * Before version 2.33, glibc has no function of that name.
 */
export const FSTAT = {
  x64: {
    call: 5,
    st_dev: 0,
    st_ino: 8,
    st_nlink: 16,
    st_mode: 24,
    st_uid: 28,
    st_size: 48,
    st_mtime: 88,
    st_ctime: 104,
    size: 144,
  },
  arm64: {
    call: 80,
    st_dev: 0,
    st_ino: 8,
    st_mode: 16,
    st_nlink: 20,
    st_uid: 24,
    st_size: 48,
    st_mtime: 88,
    st_ctime: 104,
    size: 128,
  },
} as const satisfies Record<Architecture, Readonly<Record<string, number>>>;

/** Numbers of system calls: <asm/unistd.h>. */
export const CALLS = {
  x64: {
    capget: 125,
    capset: 126,
    dup3: 292,
    fstatfs: 138,
    getgroups: 115,
    madvise: 28,
    prctl: 157,
    rt_sigaction: 13,
    rt_sigprocmask: 14,
    setgroups: 116,
    setresgid: 119,
    setresuid: 117,
  },
  arm64: {
    capget: 90,
    capset: 91,
    dup3: 24,
    fstatfs: 44,
    getgroups: 158,
    madvise: 233,
    prctl: 167,
    rt_sigaction: 134,
    rt_sigprocmask: 135,
    setgroups: 159,
    setresgid: 149,
    setresuid: 147,
  },
} as const satisfies Record<Architecture, Readonly<Record<string, number>>>;

const own: Architecture = process.arch === "arm64" ? "arm64" : "x64";

/** The flags of open(2) on this machine. */
export const openFlags = OPEN_FLAGS[own];

/** fstat(2) on this machine. */
export const fstatLayout = FSTAT[own];

/** Numbers of system calls on this machine. */
export const calls = CALLS[own];
