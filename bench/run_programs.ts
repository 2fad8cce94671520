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
import { awaitEnd } from "../lib/system/process.ts";
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
const STDOUT = 1;
/** How long programs may write nothing before the run fails, in milliseconds. */
const PATIENCE = 60_000;
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
  const argv = stringArray(program.argv);
  const environment = stringArray(ENVIRONMENT);
  const file = cString(program.file);
  const output = new Uint8Array(65536);
  const took: number[] = [];
  const running: Running[] = [];
  for (let left = times; took.length < times;) {
    for (; left > 0 && running.length < atOnce; left--) {
      running.push(start(file, argv.array, environment.array));
    }
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
      const end = awaitEnd(pid);
      took.push(now() - started);
      if (end.kind !== "exited" || end.status !== program.status) {
        throw new Error(`${program.argv.join(" ")} ended with ${JSON.stringify(end)}`);
      }
    }
  }
  // The memory that the arrays point into must outlive the calls.
  if (argv.memory.byteLength + environment.memory.byteLength === 0) throw new RangeError();
  return took;
}

function start(file: Uint8Array, argv: Int32Array, environment: Int32Array): Running {
  const started = now();
  const ends = new Int32Array(2);
  if (libc.pipe2(ends, O_CLOEXEC) !== 0) throw new SystemError("pipe2", lastErrno());
  const [readEnd, writeEnd] = ends as unknown as [number, number];
  const actions = new Uint8Array(FILE_ACTIONS_SIZE);
  libc.posix_spawn_file_actions_init(actions);
  libc.posix_spawn_file_actions_adddup2(actions, writeEnd, STDOUT);
  const pid = new Int32Array(1);
  const errno = libc.posix_spawn(pid, file, actions, null, argv, environment);
  libc.posix_spawn_file_actions_destroy(actions);
  closeFile(writeEnd);
  if (errno !== 0) throw new SystemError("posix_spawn", errno);
  return { pid: pid[0]!, fd: readEnd, started };
}
