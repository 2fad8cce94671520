/** What the system knows about processes, for messages only. */
import { decodeBytes } from "../bytes.ts";
import { listDirectory } from "./directory.ts";
import { readFile, SystemError } from "./libc.ts";
import type { Started } from "./process.ts";

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
