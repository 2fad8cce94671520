/** Whole processes, started by posix_spawn(3), one after the other or many at a time. */
import {
  bindLibc,
  closeFile,
  cString,
  lastErrno,
  now,
  Poll,
  readInto,
  stringArray,
  SystemError,
  waitFor,
} from "../lib/system/libc.ts";
import { awaitEnd, openPidfd } from "../lib/system/process.ts";
import type { Syslog } from "../tests/support/syslog.ts";
import type { Amount } from "./ask.ts";

const libc = bindLibc({
  pipe2: { args: ["buffer", "i32"], returns: "i32" },
  posix_spawn: {
    args: ["buffer", "buffer", "buffer", "ptr", "buffer", "buffer"],
    returns: "i32",
  },
  posix_spawn_file_actions_init: { args: ["buffer"], returns: "i32" },
  posix_spawn_file_actions_adddup2: { args: ["buffer", "i32", "i32"], returns: "i32" },
  posix_spawn_file_actions_destroy: { args: ["buffer"], returns: "i32" },
});

/** The size of glibc's posix_spawn_file_actions_t. */
const FILE_ACTIONS_SIZE = 80;
const O_CLOEXEC = 0o2000000;
const STDIN = 0;
/** How long programs may write nothing, or not end, before the run fails, in milliseconds. */
const PATIENCE = 20_000;
const ENVIRONMENT = ["PATH=/usr/bin:/bin", "LC_ALL=C"];

/** A program, its arguments, and the exit status that is expected. */
export interface Program {
  readonly file: string;
  readonly argv: readonly string[];
  readonly status: number;
}

interface Running {
  readonly pid: number;
  readonly fd: number;
  readonly started: number;
}

/**
 * Runs a program a number of times and reads its standard output to the end.
 *
 * @param logs Where log lines arrive; they are read at once, as a syslogd does.
 * @returns The time of each, from before the start until it has been waited for, in milliseconds.
 * @throws {Error} if one cannot be started or ends otherwise than expected.
 */
export function runPrograms(
  program: Program,
  { times, atOnce }: Amount,
  logs: readonly Syslog[],
): number[] {
  const spawn = prepare(program);
  const output = new Uint8Array(65536);
  const took: number[] = [];
  const running: Running[] = [];
  for (let left = times; took.length < times;) {
    for (; left > 0 && running.length < atOnce; left--) running.push(startPiped(spawn));
    const awaited = [...running, ...logs].map(({ fd }) => ({ fd, events: Poll.in }));
    const conditions = waitFor(awaited, now() + PATIENCE);
    if (conditions.every((condition) => condition === 0)) {
      throw new Error(`${program.argv.join(" ")} does not end`);
    }
    logs.forEach((log, at) => conditions[running.length + at] !== 0 && log.take());
    for (let at = running.length - 1; at >= 0; at--) {
      if (conditions[at] === 0 || readInto(running[at]!.fd, output) > 0) continue;
      const [{ pid, fd, started }] = running.splice(at, 1) as [Running];
      closeFile(fd);
      expectEnd(program, pid);
      took.push(now() - started);
    }
  }
  return took;
}

/**
 * Waits until a program ends.
 * @throws {Error} if it does not, or ends otherwise than expected.
 */
export function expectEnd({ argv, status }: Program, pid: number): void {
  awaitZombie(argv.join(" "), pid);
  const end = awaitEnd(pid);
  if (end.kind !== "exited" || end.status !== status) {
    throw new Error(`${argv.join(" ")} ended with ${JSON.stringify(end)}`);
  }
}

/**
 * Waits until a child has ended, and does not reap it.
 * @throws {Error} if it does not end.
 */
export function awaitZombie(name: string, pid: number): void {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) throw new SystemError("pidfd_open", lastErrno());
  const [condition] = waitFor([{ fd: pidfd, events: Poll.in }], now() + PATIENCE);
  closeFile(pidfd);
  if (condition === 0) throw new Error(`${name} does not end`);
}

/** Starts a program with descriptors as its 0, 1 and so on, and returns its process ID. */
export type Spawn = (descriptors: readonly number[]) => number;

/** Makes what posix_spawn(3) needs to start a program. */
export function prepare(program: Program): Spawn {
  const argv = stringArray(program.argv);
  const environment = stringArray(ENVIRONMENT);
  const file = cString(program.file);
  return (descriptors) => {
    const actions = new Uint8Array(FILE_ACTIONS_SIZE);
    libc.posix_spawn_file_actions_init(actions);
    descriptors.forEach((from, to) => libc.posix_spawn_file_actions_adddup2(actions, from, to));
    const pid = new Int32Array(1);
    const errno = libc.posix_spawn(pid, file, actions, null, argv.array, environment.array);
    libc.posix_spawn_file_actions_destroy(actions);
    // The memory that the arrays point into must outlive the call.
    if (errno !== 0 || argv.memory.byteLength + environment.memory.byteLength === 0) {
      throw new SystemError("posix_spawn", errno, program.file);
    }
    return pid[0]!;
  };
}

function startPiped(spawn: Spawn): Running {
  const started = now();
  const ends = new Int32Array(2);
  if (libc.pipe2(ends, O_CLOEXEC) !== 0) throw new SystemError("pipe2", lastErrno());
  const [readEnd, writeEnd] = ends as unknown as [number, number];
  try {
    return { pid: spawn([STDIN, writeEnd]), fd: readEnd, started };
  } finally {
    closeFile(writeEnd);
  }
}
