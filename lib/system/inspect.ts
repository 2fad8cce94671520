/** What the system knows about programs and processes, for messages only. */
import { decodeBytes } from "../bytes.ts";
import { isDirectory, listDirectory } from "./directory.ts";
import {
  bindLater,
  cString,
  describeErrno,
  Errno,
  lastErrno,
  readFile,
  SystemError,
} from "./libc.ts";
import type { Started } from "./process.ts";

const libc = bindLater({ access: { args: ["buffer", "i32"], returns: "i32" } });

const X_OK = 1;
/** How much of a script the kernel reads for its first line, in bytes, see execve(2). */
const INTERPRETER_LIMIT = 256;

/** The file and the reason why it cannot be executed; undefined if it can. */
export function executionProblem(path: string): string | undefined {
  if (libc().access(cString(path), X_OK) !== 0) return `${path}: ${describeErrno(lastErrno())}`;
  if (isDirectory(path)) return `${path}: ${describeErrno(Errno.EISDIR)}`;
  const interpreter = interpreterOf(path);
  if (interpreter === undefined || libc().access(cString(interpreter), X_OK) === 0) {
    return undefined;
  }
  return `${path}: its interpreter ${interpreter}: ${describeErrno(lastErrno())}`;
}

/** The interpreter of a script, from its first line. */
function interpreterOf(path: string): string | undefined {
  try {
    const start = decodeBytes(readFile(path, INTERPRETER_LIMIT));
    return /^#![ \t]*([^ \t\r\n]+)/.exec(start)?.[1];
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
}

/** A process, see proc_pid_stat(5). */
interface ProcessState {
  readonly pid: number;
  /** The program's name, truncated by the kernel. */
  readonly program: string;
  /** A letter; `D` is uninterruptible sleep. */
  readonly state: string;
  /** The effective user id. */
  readonly uid: number;
}

/** The processes in the group of a started program, or in a group that the program has made. */
export function processesOf({ pid, group }: Started): readonly ProcessState[] {
  const found: ProcessState[] = [];
  for (const name of listDirectory("/proc").directories) {
    const status = /^[0-9]+$/.test(name) ? processState(name) : undefined;
    if (status === undefined || (status.group !== group && status.group !== pid)) continue;
    found.push(status);
  }
  return found;
}

function processState(pid: string): ProcessState & { readonly group: number } | undefined {
  try {
    const stat = decodeBytes(readFile(`/proc/${pid}/stat`));
    const status = decodeBytes(readFile(`/proc/${pid}/status`));
    const [, program = "", state = "", group = ""] =
      /^[0-9]+ \((.*)\) (.) [0-9]+ ([0-9]+)/s.exec(stat) ?? [];
    if (state === "Z" || state === "X") return undefined;
    const uid = Number(/^Uid:\t[0-9]+\t([0-9]+)/m.exec(status)?.[1]);
    return { pid: Number(pid), program, state, uid, group: Number(group) };
  } catch (error) {
    // It has ended since.
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
