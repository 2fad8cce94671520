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
import { Linux } from "./linux.ts";
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
  nice: { args: ["i32"], returns: "i32" },
  setsid: { args: [], returns: "i32" },
});

/** The size of posix_spawn_file_actions_t in glibc, which is not smaller than musl's. */
const FILE_ACTIONS_SIZE = 80;

// posix_spawnattr_t in <spawn.h> of glibc and musl on 64-bit Linux: the flags (a short in glibc, an int
// in musl, the same in little-endian), the group, and two sets of 128 bytes: the signals that get their
// default action, and those that are blocked.
const ATTRIBUTES_SIZE = 336;
const GROUP_AT = 4;
const DEFAULT_SIGNALS_AT = 8;
const DEFAULT_SIGNALS_END = 16;

const SETPGROUP = 0x02;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
/** The descriptor of the null device in the new program. */
const NULL_DEVICE = 0;
const WNOHANG = 1;
const WALL = 0x40000000;
const PRIO_PROCESS = 0;
const CLONE_VM = 0x100;
const CLONE_VFORK = 0x4000;
/** pidfd_open(2) has this number on every architecture. */
const SYS_PIDFD_OPEN = 434;
const RLIMIT_NOFILE = 7;
/** The soft limit of open files that Linux and systemd set for services. */
const USUAL_OPEN_FILES = 1024;

const F_SETOWN = 8;

/** What a program inherits, beside descriptors. */
export interface Inheritance {
  /** `NAME=value` each. */
  readonly environment: readonly string[];
  /** See umask(2). Without it, the agent's own. */
  readonly umask?: number;
  /** Increments of the nice value, applied in turn, see nice(2). */
  readonly nice?: readonly number[];
  /** The descriptor of standard error. Without it, the null device. */
  readonly stderr?: number;
}

/** A program, and what it starts with. */
export interface ProgramStart extends Inheritance {
  readonly file: string;
  readonly argv: readonly string[];
}

/** A started program, and the process group of it and its descendants. */
export interface Started {
  readonly pid: number;
  readonly group: number;
}

/** A started program whose standard output is read from `stdout`. */
export interface PipedProgram extends Started {
  readonly stdout: number;
}

/**
 * Starts a program with its standard output on a pipe, otherwise as {@link startProgram} does.
 *
 * @throws {SystemError} when it cannot be started, ENOENT or EACCES for instance.
 */
export function startPiped(start: ProgramStart): PipedProgram {
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

interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/**
 * Makes a pipe, close-on-exec.
 * @throws {SystemError}
 */
export function makePipe(): Pipe {
  const ends = new Int32Array(2);
  if (libc.pipe2(ends, openFlags.O_CLOEXEC) !== 0) throw new SystemError("pipe2", lastErrno());
  // Destructuring would use an iterator, whose first use costs 70 µs.
  return { readEnd: ends[0]!, writeEnd: ends[1]! };
}

/**
 * Starts a program in a new process group. Its standard error is the null device, and so are standard
 * input and output unless descriptors are passed.
 *
 * The program does not lead the group. setsid(1) and programs that call setsid(2) behave differently as
 * leaders: setsid(1) then forks, and its exit status is no longer the plugin's. Under the C agent no
 * plugin leads its group either.
 *
 * The program starts with no signal ignored or blocked, and with the usual soft limit of open files,
 * which the embedded runtime raises.
 *
 * @throws {SystemError} when it cannot be started.
 */
export function startProgram(
  start: ProgramStart,
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
    reapLeader(group);
  }
}

/** The stack of a group's first process, for two nested functions of the C library. */
const STACK_SIZE = 16384;
let stackMemory: Uint8Array | undefined;

/**
 * Makes a process group: clones a process that calls setpgrp(3) and ends. Until that process is waited
 * for, others can join its group.
 *
 * This process is suspended until then, as with vfork(2). Signals are blocked, since both share memory.
 *
 * @returns The group's id.
 * @throws {SystemError}
 */
function makeGroup(): number {
  stackMemory ??= new Uint8Array(STACK_SIZE);
  const all = new Uint8Array(SIGNALS_SIZE).fill(0xff);
  const own = new Uint8Array(SIGNALS_SIZE);
  blockSignals(all, own);
  const base = ffi.ptr(stackMemory);
  const top = base + STACK_SIZE - (base + STACK_SIZE) % 16;
  const { ptr: setpgrp } = libc.setpgrp as unknown as { readonly ptr: Pointer };
  // Without a signal at its end: SIGCHLD would wake the event loop up.
  const group = libc.clone(setpgrp, top as Pointer, CLONE_VM | CLONE_VFORK, null);
  const errno = group < 0 ? lastErrno() : 0;
  blockSignals(own, null);
  if (group < 0) throw new SystemError("clone", errno);
  return group;
}

/** Waits for the leader of a group, which has ended. The group remains while it has other members. */
function reapLeader(group: number): void {
  while (libc.waitpid(group, null, WALL) < 0 && lastErrno() === Errno.EINTR);
}

/**
 * A shell that executes a program once it has read a line. A nice value can be set only on a process
 * that exists, and an unprivileged process cannot lower its own again. So the program waits until its
 * nice value is set.
 */
const GATE = 'read -r go && exec "$@" </dev/null';

function spawnNice(
  { file, argv, nice = [], ...rest }: ProgramStart,
  group: number,
  stdout: number,
) {
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

/** nice(2) for another process. A value that is not permitted changes nothing. */
function addToNice(pid: number, increment: number): void {
  const sum = rare().getpriority(PRIO_PROCESS, pid) + increment;
  rare().setpriority(PRIO_PROCESS, pid, Math.max(-20, Math.min(sum, 19)));
}

/** What is done with descriptors before a program that reads from the null device starts, by its stdout. */
const fileActions: Uint8Array[] = [];

/** @throws {SystemError} when memory is short, or a descriptor is above the limit of open files. */
function makeFileActions(stdin: number, stdout: number, stderr = NULL_DEVICE): Uint8Array {
  const actions = new Uint8Array(FILE_ACTIONS_SIZE);
  libc.posix_spawn_file_actions_init(actions);
  const { O_RDWR } = openFlags;
  const path = cString("/dev/null");
  // Without one of them the program would have the client's connection, or no output.
  let errno = libc.posix_spawn_file_actions_addopen(actions, NULL_DEVICE, path, O_RDWR, 0);
  if (errno === 0) errno = libc.posix_spawn_file_actions_adddup2(actions, stdout, 1);
  if (errno === 0) errno = libc.posix_spawn_file_actions_adddup2(actions, stderr, 2);
  if (errno === 0 && stdin !== NULL_DEVICE) {
    errno = libc.posix_spawn_file_actions_adddup2(actions, stdin, 0);
  }
  if (errno === 0) return actions;
  libc.posix_spawn_file_actions_destroy(actions);
  throw new SystemError("posix_spawn_file_actions", errno);
}

function spawn(
  { file, argv, environment, umask, stderr }: ProgramStart,
  group: number,
  stdin: number,
  stdout: number,
): number {
  // The C library asks the kernel for the limit of open files at each action that is added. A process
  // that starts many programs uses the same few descriptors again and again.
  const isUsual = stdin === NULL_DEVICE && stderr === undefined;
  const actions = isUsual
    ? fileActions[stdout] ??= makeFileActions(stdin, stdout)
    : makeFileActions(stdin, stdout, stderr);
  const attributes = new Uint8Array(ATTRIBUTES_SIZE);
  attributes[0] = SETPGROUP | SETSIGDEF | SETSIGMASK;
  for (let at = 0; at < 4; at++) attributes[GROUP_AT + at] = group >> (8 * at);
  attributes.fill(0xff, DEFAULT_SIGNALS_AT, DEFAULT_SIGNALS_END);
  const pid = new Int32Array(1);
  const args = stringArray(argv);
  const variables = stringArray(environment);
  const spawnNow = () =>
    libc.posix_spawn(pid, cString(file), actions, attributes, args.array, variables.array);
  const errno = withUsualOpenFiles(
    umask === undefined ? spawnNow : () => withUmask(umask, spawnNow),
  );
  if (!isUsual) libc.posix_spawn_file_actions_destroy(actions);
  // Keeps the memory that the arrays point into alive during the call.
  if (errno !== 0 || args.memory.byteLength + variables.memory.byteLength === 0) {
    throw new SystemError("posix_spawn", errno, file);
  }
  return pid[0]!;
}

/** The soft limit of open files. */
export function openFilesLimit(): number {
  const own = new BigUint64Array(2);
  libc.getrlimit(RLIMIT_NOFILE, own);
  return Number(own[0]);
}

/** Calls a function with a soft limit of open files; a lower one stays. */
export function withUsualOpenFiles(spawn: () => number, limit = USUAL_OPEN_FILES): number {
  // struct rlimit { rlim_t soft; rlim_t hard; }, each in two halves.
  const own = new Int32Array(4);
  libc.getrlimit(RLIMIT_NOFILE, own);
  if (own[1] === 0 && own[0]! >= 0 && own[0]! <= limit) return spawn();
  const usual = own.slice();
  usual[0] = limit;
  usual[1] = 0;
  libc.setrlimit(RLIMIT_NOFILE, usual);
  const errno = spawn();
  libc.setrlimit(RLIMIT_NOFILE, own);
  return errno;
}

function withUmask(mask: number, spawn: () => number): number {
  const own = rare().umask(mask);
  const errno = spawn();
  rare().umask(own);
  return errno;
}

/** umask(2). */
export function setUmask(mask: number): void {
  rare().umask(mask);
}

/** nice(2). An increment that is not permitted changes nothing. */
export function changeNice(increment: number): void {
  rare().nice(increment);
}

/** setsid(2). */
export function startSession(): void {
  rare().setsid();
}

/**
 * pidfd_open(2): a descriptor that becomes readable when a process ends.
 * @returns undefined where that fails, as before Linux 5.3.
 */
export function openPidfd(pid: number): number | undefined {
  const fd = syscall(SYS_PIDFD_OPEN, pid, null, null, 0);
  return fd < 0 ? undefined : fd;
}

/** How a process ended. */
export type ProcessEnd =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "killed"; readonly signal: number };

/**
 * How a child ended; undefined while it runs.
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
    if (found === pid) return endFrom(status[0]!);
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("waitpid", errno);
  }
}

/** Reaps any child that has ended; undefined where there is none. */
export function reapAny(): { readonly pid: number; readonly end: ProcessEnd } | undefined {
  const status = new Int32Array(1);
  for (;;) {
    // __WALL: also the leader of a group that could not be reaped when it was made.
    const pid = libc.waitpid(-1, status, WNOHANG | WALL);
    if (pid > 0) return { pid, end: endFrom(status[0]!) };
    if (pid === 0 || lastErrno() !== Errno.EINTR) return undefined;
  }
}

function endFrom(status: number): ProcessEnd {
  const signal = status & 0x7f;
  return signal === 0
    ? { kind: "exited", status: (status >> 8) & 0xff }
    : { kind: "killed", signal };
}

/**
 * Makes reads from a descriptor not block.
 * @throws {SystemError}
 */
export function setNonBlocking(fd: number): void {
  if (rare().fcntl(fd, Linux.F_SETFL, openFlags.O_NONBLOCK) !== 0) {
    throw new SystemError("fcntl", lastErrno());
  }
}

/**
 * Makes the kernel send SIGIO when a descriptor becomes readable, and reads from it not block. Without
 * memory for it there is no signal.
 */
export function signalReadable(fd: number): void {
  rare().fcntl(fd, F_SETOWN, rare().getpid());
  rare().fcntl(fd, Linux.F_SETFL, openFlags.O_NONBLOCK | openFlags.O_ASYNC);
}

/**
 * Sends a signal to a program and its process group, and to the group that the program may have made
 * for itself. Signal 0 only tests whether any process is left.
 *
 * @param ended Whether the program's own process has been waited for.
 * @returns 0, ESRCH where no process is left, EPERM where none is left that may be signalled.
 */
export function signalProgram({ pid, group }: Started, signal: number, ended: boolean): number {
  const inGroup = sendSignal(-group, signal);
  const inOwn = sendSignal(-pid, signal);
  if (inGroup === 0 || inOwn === 0) return 0;
  if (inGroup !== Errno.ESRCH) return inGroup;
  return inOwn === Errno.ESRCH && !ended ? sendSignal(pid, signal) : inOwn;
}

function sendSignal(target: number, signal: number): number {
  return rare().kill(target, signal) === 0 ? 0 : lastErrno();
}
