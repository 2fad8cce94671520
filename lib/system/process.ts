import { ffi, type Pointer } from "./ffi.ts";
import { encodeBytes } from "../bytes.ts";
import { openFlags } from "./architecture.ts";
import {
  bindLater,
  bindLibc,
  closeFile,
  cString,
  Errno,
  lastErrno,
  stringArray,
  SystemError,
  writeAll,
} from "./libc.ts";
import { blockSignals, SIGNALS_SIZE, syscall } from "./syscall.ts";

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
  clone: { args: ["ptr", "ptr", "i32", "ptr"], returns: "i32" },
  setpgrp: { args: [], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  getrlimit: { args: ["i32", "buffer"], returns: "i32" },
  setrlimit: { args: ["i32", "buffer"], returns: "i32" },
});

const rare = bindLater({
  kill: { args: ["i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  getpid: { args: [], returns: "i32" },
  getpriority: { args: ["i32", "u32"], returns: "i32" },
  setpriority: { args: ["i32", "u32", "i32"], returns: "i32" },
  umask: { args: ["u32"], returns: "u32" },
});

/** The size of a posix_spawn_file_actions_t: glibc's, which is not smaller than musl's. */
const FILE_ACTIONS_SIZE = 80;

// posix_spawnattr_t as <spawn.h> of glibc and musl has it on 64-bit Linux: the flags (a short in
// glibc, an int in musl, which is the same in little-endian), the group, and two sets of 128 bytes,
// the signals to be handled by default and those to be blocked.
const ATTRIBUTES_SIZE = 336;
const GROUP_AT = 4;
const DEFAULT_SIGNALS_AT = 8;
const DEFAULT_SIGNALS_END = 16;

const SETPGROUP = 0x02;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
/** The descriptor of the null device in a program that is being started. */
const NULL_DEVICE = 0;
const WNOHANG = 1;
const PRIO_PROCESS = 0;
const SIG_DFL = 0n;
const SIGCHLD = 17;
const CLONE_VM = 0x100;
const CLONE_VFORK = 0x4000;
/** pidfd_open(2) has this number on every architecture. */
const SYS_PIDFD_OPEN = 434;
const RLIMIT_NOFILE = 7;
/** The soft limit of open files that Linux and systemd give to services. */
const USUAL_OPEN_FILES = 1024;

const F_SETFL = 4;
const F_SETOWN = 8;

/** Signals by number (Linux). */
export const Signal = { kill: 9, pipe: 13, term: 15, fileSize: 25 } as const;

/** What a program gets from the process that starts it. */
export interface Inheritance {
  /** `NAME=value` each. */
  readonly environment: readonly string[];
  /** The mask of rights that new files do not get, see umask(2); this process's own if it is missing. */
  readonly umask?: number;
  /** What is added to this process's nice value, one after the other, see nice(2). */
  readonly nice?: readonly number[];
}

/** A program to start. */
export interface Start extends Inheritance {
  readonly file: string;
  readonly argv: readonly string[];
}

/** A started program and the process group that it and its descendants are in. */
export interface Started {
  readonly pid: number;
  readonly group: number;
}

/** A started program whose standard output can be read from `stdout`. */
export interface StartedPlugin extends Started {
  readonly stdout: number;
}

/**
 * Starts a program whose standard output is to be read, on a pipe; otherwise as
 * {@link startProgram} does.
 *
 * @throws {SystemError} when it cannot be started, ENOENT or EACCES for instance.
 */
export function startPiped(start: Start): StartedPlugin {
  const { readEnd, writeEnd } = makePipe();
  try {
    const { pid, group } = startProgram(start, writeEnd);
    return { pid, group, stdout: readEnd };
  } catch (error) {
    closeFile(readEnd);
    throw error;
  } finally {
    closeFile(writeEnd);
  }
}

/** Both ends of a pipe. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/**
 * Makes a pipe that no program inherits by itself.
 * @throws {SystemError} when there is none to be had.
 */
export function makePipe(): Pipe {
  const ends = new Int32Array(2);
  if (libc.pipe2(ends, openFlags.O_CLOEXEC) !== 0) throw new SystemError("pipe2", lastErrno());
  // Destructuring would use an iterator, whose first use costs 70 µs.
  return { readEnd: ends[0]!, writeEnd: ends[1]! };
}

/**
 * Starts a program in a new process group, its standard error on the null device, and its standard
 * output and input too unless descriptors are given for them.
 *
 * The program does not lead the group. setsid(1) and programs that call setsid(2) behave differently
 * as leaders: setsid(1) forks then, and its exit status is no longer the plugin's. Under the reference
 * no plugin leads its group either.
 *
 * The program starts with no signal ignored or blocked, whoever started this process, and with the
 * usual soft limit of open files, which the embedded runtime raises.
 *
 * @throws {SystemError} when it cannot be started.
 */
export function startProgram(
  start: Start,
  stdout = NULL_DEVICE,
  stdin = NULL_DEVICE,
): Started {
  const group = makeGroup();
  try {
    const pid = start.nice === undefined
      ? spawn(start, group, stdin, stdout)
      : spawnNice(start, group, stdout);
    return { pid, group };
  } finally {
    release(group);
  }
}

/** What the first process of a group runs on: a function of the C library that calls one other. */
const STACK_SIZE = 16384;
let stackMemory: Uint8Array | undefined;

/**
 * Makes a process group: clones a process that makes itself the leader, by setpgrp(3), and ends. As
 * long as nobody has waited for it, others can be put into its group.
 *
 * Until it has ended this process stands still, as with vfork(2), and no signal handler runs in the
 * memory that both share.
 *
 * @returns The group's id.
 * @throws {SystemError} when there is no process to be had.
 */
function makeGroup(): number {
  stackMemory ??= new Uint8Array(STACK_SIZE);
  const all = new Uint8Array(SIGNALS_SIZE).fill(0xff);
  const own = new Uint8Array(SIGNALS_SIZE);
  blockSignals(all, own);
  const base = ffi.ptr(stackMemory);
  const top = base + STACK_SIZE - (base + STACK_SIZE) % 16;
  const { ptr: setpgrp } = libc.setpgrp as unknown as { readonly ptr: Pointer };
  const flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
  const group = libc.clone(setpgrp, top as Pointer, flags, null);
  const errno = group < 0 ? lastErrno() : 0;
  blockSignals(own, null);
  if (group < 0) throw new SystemError("clone", errno);
  return group;
}

/** Waits for the ended leader of a group. The group lives on as long as it has other members. */
function release(group: number): void {
  while (libc.waitpid(group, null, 0) < 0 && lastErrno() === Errno.EINTR);
}

/**
 * A shell that becomes a program when it is told to. A nice value can be set on a process that has
 * started only, and a process that lowers its own priority for that cannot raise it again: so the
 * program has to wait, or its first steps would be those of a process with another priority.
 */
const GATE = 'read -r go && exec "$@" </dev/null';

function spawnNice({ file, argv, nice = [], ...rest }: Start, group: number, stdout: number) {
  const { readEnd, writeEnd } = makePipe();
  try {
    const gate = ["/bin/sh", "-c", GATE, "/bin/sh", file, ...argv.slice(1)];
    const pid = spawn({ ...rest, file: "/bin/sh", argv: gate }, group, readEnd, stdout);
    for (const increment of nice) addToNice(pid, increment);
    writeAll(writeEnd, encodeBytes("\n"));
    return pid;
  } finally {
    closeFile(readEnd);
    closeFile(writeEnd);
  }
}

/** As nice(2) for another process; a value that is not permitted changes nothing. */
function addToNice(pid: number, increment: number): void {
  const sum = rare().getpriority(PRIO_PROCESS, pid) + increment;
  rare().setpriority(PRIO_PROCESS, pid, Math.max(-20, Math.min(sum, 19)));
}

function spawn(
  { file, argv, environment, umask }: Start,
  group: number,
  stdin: number,
  stdout: number,
): number {
  const actions = new Uint8Array(FILE_ACTIONS_SIZE);
  libc.posix_spawn_file_actions_init(actions);
  const { O_RDWR } = openFlags;
  libc.posix_spawn_file_actions_addopen(actions, NULL_DEVICE, cString("/dev/null"), O_RDWR, 0);
  libc.posix_spawn_file_actions_adddup2(actions, stdout, 1);
  libc.posix_spawn_file_actions_adddup2(actions, NULL_DEVICE, 2);
  if (stdin !== NULL_DEVICE) libc.posix_spawn_file_actions_adddup2(actions, stdin, 0);
  const attributes = new Uint8Array(ATTRIBUTES_SIZE);
  attributes[0] = SETPGROUP | SETSIGDEF | SETSIGMASK;
  for (let at = 0; at < 4; at++) attributes[GROUP_AT + at] = group >> (8 * at);
  attributes.fill(0xff, DEFAULT_SIGNALS_AT, DEFAULT_SIGNALS_END);
  const pid = new Int32Array(1);
  const args = stringArray(argv);
  const variables = stringArray(environment);
  const spawnNow = () =>
    libc.posix_spawn(pid, cString(file), actions, attributes, args.array, variables.array);
  const errno = withUsualOpenFiles(umask === undefined ? spawnNow : () => masked(umask, spawnNow));
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
  // struct rlimit { rlim_t soft; rlim_t hard; }, each in two halves.
  const own = new Int32Array(4);
  libc.getrlimit(RLIMIT_NOFILE, own);
  if (own[1] === 0 && own[0]! >= 0 && own[0]! <= USUAL_OPEN_FILES) return spawn();
  const usual = own.slice();
  usual[0] = USUAL_OPEN_FILES;
  usual[1] = 0;
  libc.setrlimit(RLIMIT_NOFILE, usual);
  const errno = spawn();
  libc.setrlimit(RLIMIT_NOFILE, own);
  return errno;
}

function masked(mask: number, spawn: () => number): number {
  const own = rare().umask(mask);
  const errno = spawn();
  rare().umask(own);
  return errno;
}

/**
 * A descriptor that is ready to read once a process has ended.
 * @returns undefined where the kernel has none to give (Linux before 5.3).
 */
export function openProcess(pid: number): number | undefined {
  const fd = syscall(SYS_PIDFD_OPEN, pid, null, null, 0);
  return fd < 0 ? undefined : fd;
}

/** How a process ended. */
export type ProcessEnd =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "killed"; readonly signal: number };

/**
 * How a child ended, or undefined while it runs.
 * @throws {SystemError} when there is no such child.
 */
export function reap(pid: number): ProcessEnd | undefined {
  return waitForChild(pid, WNOHANG);
}

/**
 * Waits until a child ends.
 * @throws {SystemError} when there is no such child.
 */
export function awaitEnd(pid: number): ProcessEnd {
  return waitForChild(pid, 0)!;
}

function waitForChild(pid: number, options: number): ProcessEnd | undefined {
  const status = new Int32Array(1);
  for (;;) {
    const found = libc.waitpid(pid, status, options);
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
  rare().fcntl(fd, F_SETOWN, rare().getpid());
  rare().fcntl(fd, F_SETFL, openFlags.O_NONBLOCK | openFlags.O_ASYNC);
}

/**
 * Sends a signal to a started program and everything in its group, or only asks, with 0, whether
 * something of them is left. A program that has made a group or a session of its own since is found
 * there.
 *
 * @param ended Whether the program's own process has been waited for.
 * @returns 0, ESRCH where nothing is left, EPERM where nothing is left that may be signalled.
 */
export function signalPlugin({ pid, group }: Started, signal: number, ended: boolean): number {
  const inGroup = sendSignal(-group, signal);
  const inOwn = sendSignal(-pid, signal);
  if (inGroup === 0 || inOwn === 0) return 0;
  if (inGroup !== Errno.ESRCH) return inGroup;
  return inOwn === Errno.ESRCH && !ended ? sendSignal(pid, signal) : inOwn;
}

function sendSignal(target: number, signal: number): number {
  return rare().kill(target, signal) === 0 ? 0 : lastErrno();
}

const PR_SET_PDEATHSIG = 1;

/** Lets this process end when the one that has started it does, see prctl(2). */
export function endWithParent(): void {
  const libc = bindLibc({ prctl: { args: ["i32", "u64"], returns: "i32" } });
  libc.prctl(PR_SET_PDEATHSIG, Signal.kill);
}
