import {
  bindLibc,
  closeFile,
  cString,
  Errno,
  lastErrno,
  stringArray,
  SystemError,
} from "./libc.ts";

const libc = bindLibc({
  pipe2: { args: ["buffer", "i32"], returns: "i32" },
  posix_spawn: {
    args: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    returns: "i32",
  },
  posix_spawn_file_actions_init: { args: ["buffer"], returns: "i32" },
  posix_spawn_file_actions_addopen: {
    args: ["buffer", "i32", "buffer", "i32", "u32"],
    returns: "i32",
  },
  posix_spawn_file_actions_adddup2: { args: ["buffer", "i32", "i32"], returns: "i32" },
  posix_spawn_file_actions_destroy: { args: ["buffer"], returns: "i32" },
  posix_spawnattr_init: { args: ["buffer"], returns: "i32" },
  posix_spawnattr_setflags: { args: ["buffer", "i16"], returns: "i32" },
  posix_spawnattr_setsigdefault: { args: ["buffer", "buffer"], returns: "i32" },
  posix_spawnattr_setsigmask: { args: ["buffer", "buffer"], returns: "i32" },
  waitpid: { args: ["i32", "buffer", "i32"], returns: "i32" },
  kill: { args: ["i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  getpid: { args: [], returns: "i32" },
  syscall: { args: ["i64", "i64", "i64"], returns: "i64" },
  getrlimit: { args: ["i32", "buffer"], returns: "i32" },
  setrlimit: { args: ["i32", "buffer"], returns: "i32" },
});

// Sizes of the opaque structures of <spawn.h>, those of glibc, which are not smaller than musl's.
const FILE_ACTIONS_SIZE = 80;
const ATTRIBUTES_SIZE = 336;
const SIGNAL_SET_SIZE = 128;

const SETPGROUP = 0x02;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const O_CLOEXEC = 0o2000000;
const O_RDWR = 2;
const WNOHANG = 1;
const SIG_DFL = 0n;
/** pidfd_open(2) has this number on every architecture. */
const SYS_PIDFD_OPEN = 434n;
const RLIMIT_NOFILE = 7;
/** The soft limit of open files that Linux and systemd give to services. */
const USUAL_OPEN_FILES = 1024n;

const F_SETFL = 4;
const F_SETOWN = 8;
const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;

/** Signals by number (Linux). */
export const Signal = { kill: 9, pipe: 13, term: 15, fileSize: 25 } as const;

/** A program to start in a process group of its own. */
export interface Start {
  readonly file: string;
  readonly argv: readonly string[];
  /** `NAME=value` each. */
  readonly environment: readonly string[];
}

/** A started program; its standard output can be read from `stdout`. */
export interface Started {
  readonly pid: number;
  readonly stdout: number;
}

/**
 * Starts a program whose standard output is to be read, on a pipe; otherwise as
 * {@link startDetached} does.
 *
 * @throws {SystemError} when it cannot be started, ENOENT or EACCES for instance.
 */
export function startInGroup(start: Start): Started {
  const ends = new Int32Array(2);
  if (libc.pipe2(ends, O_CLOEXEC) !== 0) throw new SystemError("pipe2", lastErrno());
  const [readEnd, writeEnd] = ends as unknown as [number, number];
  try {
    return { pid: spawn(start, writeEnd), stdout: readEnd };
  } catch (error) {
    closeFile(readEnd);
    throw error;
  } finally {
    closeFile(writeEnd);
  }
}

/**
 * Starts a program as the leader of a new process group, its standard input, output and error on the
 * null device.
 *
 * What the embedded runtime has changed in this process is put right for the program: it ignores
 * SIGPIPE and SIGXFSZ and raises the soft limit of open files to the hard one.
 *
 * @returns Its process id.
 * @throws {SystemError} when it cannot be started.
 */
export function startDetached(start: Start): number {
  return spawn(start, 0);
}

/** @param stdout The descriptor to become the standard output; 0 is the null device by then. */
function spawn({ file, argv, environment }: Start, stdout: number): number {
  const actions = new Uint8Array(FILE_ACTIONS_SIZE);
  libc.posix_spawn_file_actions_init(actions);
  libc.posix_spawn_file_actions_addopen(actions, 0, cString("/dev/null"), O_RDWR, 0);
  libc.posix_spawn_file_actions_adddup2(actions, stdout, 1);
  libc.posix_spawn_file_actions_adddup2(actions, 0, 2);
  const attributes = new Uint8Array(ATTRIBUTES_SIZE);
  libc.posix_spawnattr_init(attributes);
  libc.posix_spawnattr_setsigdefault(attributes, signalSet(Signal.pipe, Signal.fileSize));
  libc.posix_spawnattr_setsigmask(attributes, signalSet());
  libc.posix_spawnattr_setflags(attributes, SETPGROUP | SETSIGDEF | SETSIGMASK);
  const pid = new Int32Array(1);
  const args = stringArray(argv);
  const variables = stringArray(environment);
  const errno = withUsualOpenFiles(() =>
    libc.posix_spawn(pid, cString(file), actions, attributes, args.array, variables.array)
  );
  libc.posix_spawn_file_actions_destroy(actions);
  // The memory that the arrays point into must outlive the call.
  if (errno !== 0 || args.memory.byteLength + variables.memory.byteLength === 0) {
    throw new SystemError("posix_spawn", errno, file);
  }
  return pid[0]!;
}

/**
 * Becomes another program: it takes this process's place, with the connection as its standard input,
 * output and error. Signals and limits are put right for it as for a started one.
 *
 * @throws {SystemError} when it cannot be run.
 */
export function becomeProgram({ file, argv, environment }: Start, connection: number): never {
  const rare = bindLibc({
    dup2: { args: ["i32", "i32"], returns: "i32" },
    signal: { args: ["i32", "u64"], returns: "u64" },
    execve: { args: ["buffer", "buffer", "buffer"], returns: "i32" },
  });
  for (const fd of [0, 1, 2]) if (fd !== connection) rare.dup2(connection, fd);
  for (const signal of [Signal.pipe, Signal.fileSize]) rare.signal(signal, SIG_DFL);
  const args = stringArray(argv);
  const variables = stringArray(environment);
  const errno = withUsualOpenFiles(() => {
    rare.execve(cString(file), args.array, variables.array);
    return lastErrno();
  });
  throw new SystemError("execve", errno, file);
}

/** How many files this process may have open. */
export function openFilesLimit(): number {
  const own = new BigUint64Array(2);
  libc.getrlimit(RLIMIT_NOFILE, own);
  return Number(own[0]);
}

function withUsualOpenFiles(spawn: () => number): number {
  const own = new BigUint64Array(2);
  libc.getrlimit(RLIMIT_NOFILE, own);
  const [soft, hard] = own as unknown as [bigint, bigint];
  if (soft <= USUAL_OPEN_FILES) return spawn();
  libc.setrlimit(RLIMIT_NOFILE, new BigUint64Array([USUAL_OPEN_FILES, hard]));
  const errno = spawn();
  libc.setrlimit(RLIMIT_NOFILE, own);
  return errno;
}

function signalSet(...signals: readonly number[]): Uint8Array {
  const set = new Uint8Array(SIGNAL_SET_SIZE);
  for (const signal of signals) set[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7);
  return set;
}

/**
 * A descriptor that is ready to read once a process has ended.
 * @returns undefined where the kernel has none to give (Linux before 5.3).
 */
export function openProcess(pid: number): number | undefined {
  const fd = Number(libc.syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n));
  return fd < 0 ? undefined : fd;
}

/** How a process ended. */
export type ProcessEnd =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "killed"; readonly signal: number };

/** How a child ended, or undefined while it runs; waits for that if asked to. */
export function reap(pid: number, wait: boolean): ProcessEnd | undefined {
  const status = new Int32Array(1);
  for (;;) {
    const found = libc.waitpid(pid, status, wait ? 0 : WNOHANG);
    if (found === 0) return undefined;
    if (found === pid) return endOf(status[0]!);
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("waitpid", errno);
  }
}

/** A child that has ended, whichever it is; undefined when all the others run. */
export function reapAny(): { readonly pid: number; readonly end: ProcessEnd } | undefined {
  const status = new Int32Array(1);
  const pid = libc.waitpid(-1, status, WNOHANG);
  return pid > 0 ? { pid, end: endOf(status[0]!) } : undefined;
}

function endOf(status: number): ProcessEnd {
  const signal = status & 0x7f;
  return signal === 0
    ? { kind: "exited", status: (status >> 8) & 0xff }
    : { kind: "killed", signal };
}

/** Lets the kernel announce with SIGIO that a descriptor can be read; reading it no longer waits. */
export function announceReadable(fd: number): void {
  libc.fcntl(fd, F_SETOWN, libc.getpid());
  libc.fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
}

/**
 * Sends a signal to every process of a group; 0 only asks whether there is one.
 * @returns Whether there was one.
 */
export function signalGroup(leader: number, signal: number): boolean {
  return libc.kill(-leader, signal) === 0;
}
