/**
 * The process groups that this process would end, in memory that another process can read when this
 * one is no more: a text in a file without a name, which is mapped, so that a line of it is written
 * without a system call.
 */
import { type Pointer, toArrayBuffer } from "bun:ffi";
import { encodeBytes } from "../bytes.ts";
import { bindLibc, closeFile, cString, lastErrno, SystemError } from "./libc.ts";

/**
 * How long a line is, its newline included, in bytes. The first one says since when a process is being
 * started whose id is not known yet, in clock ticks since boot; every other holds the number of a
 * group. A line may be blank.
 */
const LINE = 16;
/** How many lines are added whenever all are taken. */
const MORE_LINES = 64;
/** How many lines there is address space for. */
const MOST_LINES = 65536;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const MFD_CLOEXEC = 1n;
const PROT_READ_WRITE = 1 | 2;
const MAP_SHARED = 1;
const CLOCK_BOOTTIME = 7;
/** A clock tick of proc_pid_stat(5), in nanoseconds: there are 100 a second wherever Linux runs. */
const TICK = 10_000_000n;
/** memfd_create(2), for which glibc has a function only since 2.27. */
const SYS_MEMFD_CREATE = process.arch === "arm64" ? 279n : 319n;

interface Roster {
  readonly fd: number;
  readonly text: Uint8Array;
  readonly resize: (fd: number, size: bigint) => number;
  readonly clock: (id: number, time: BigInt64Array) => number;
  /** Blank lines; the last one is taken first. */
  readonly blank: number[];
  lines: number;
}

let roster: Roster | undefined;

/**
 * Makes the roster; what {@link startEnlisted} has started before is not in it.
 *
 * @returns Its descriptor, which no program inherits by itself.
 * @throws {SystemError} when there is no memory of that kind.
 */
export function openRoster(): number {
  if (roster !== undefined) return roster.fd;
  const libc = bindLibc({
    syscall: { args: ["i64", "buffer", "u64"], returns: "i64" },
    mmap: { args: ["u64", "u64", "i32", "i32", "i32", "i64"], returns: "i64" },
    ftruncate: { args: ["i32", "i64"], returns: "i32" },
    clock_gettime: { args: ["i32", "buffer"], returns: "i32" },
  });
  const fd = Number(libc.syscall(SYS_MEMFD_CREATE, cString("nrpe-roster"), MFD_CLOEXEC));
  if (fd < 0) throw new SystemError("memfd_create", lastErrno());
  const size = MOST_LINES * LINE;
  const address = libc.mmap(0n, BigInt(size), PROT_READ_WRITE, MAP_SHARED, fd, 0n);
  if (address < 0n) throw closing(fd, "mmap");
  const made: Roster = {
    fd,
    text: new Uint8Array(toArrayBuffer(Number(address) as Pointer, 0, size)),
    resize: libc.ftruncate,
    clock: libc.clock_gettime,
    blank: [],
    lines: 0,
  };
  if (!addLines(made)) throw closing(fd, "ftruncate");
  // The first line is no group's.
  made.blank.pop();
  roster = made;
  return fd;
}

function closing(fd: number, call: string): SystemError {
  const error = new SystemError(call, lastErrno());
  closeFile(fd);
  return error;
}

/** Adds lines to be taken; false where there is no memory for them. */
function addLines(roster: Roster): boolean {
  const { fd, text, lines, blank } = roster;
  const more = Math.min(lines + MORE_LINES, MOST_LINES);
  if (roster.resize(fd, BigInt(more * LINE)) !== 0) return false;
  text.fill(SPACE, lines * LINE, more * LINE);
  for (let line = more - 1; line >= lines; line--) {
    text[line * LINE + LINE - 1] = NEWLINE;
    blank.push(line);
  }
  roster.lines = more;
  return true;
}

function write({ text }: Roster, line: number, content: string): void {
  text.set(encodeBytes(content.padEnd(LINE - 1) + "\n"), line * LINE);
}

/** The leader of a process group that is in the roster. */
export interface Enlisted<Leader> {
  readonly leader: Leader;
  /** Takes the group off the roster; to be said once. */
  readonly strike: () => void;
}

/**
 * Starts the leader of a process group and enters the group in the roster, if there is one. At no
 * moment does the process live without a trace there.
 *
 * @throws What `start` throws.
 */
export function startEnlisted<Leader extends { readonly pid: number }>(
  start: () => Leader,
): Enlisted<Leader> {
  if (roster === undefined) return { leader: start(), strike: () => {} };
  const book = roster;
  write(book, 0, String(ticksSinceBoot(book)));
  try {
    const leader = start();
    return { leader, strike: enter(book, leader.pid) };
  } finally {
    write(book, 0, "");
  }
}

function enter(roster: Roster, group: number): () => void {
  if (roster.blank.length === 0) addLines(roster);
  const line = roster.blank.pop();
  if (line === undefined) return () => {};
  write(roster, line, String(group));
  return () => {
    write(roster, line, "");
    roster.blank.push(line);
  };
}

function ticksSinceBoot({ clock }: Roster): bigint {
  const time = new BigInt64Array(2);
  clock(CLOCK_BOOTTIME, time);
  return time[0]! * (1_000_000_000n / TICK) + time[1]! / TICK;
}
