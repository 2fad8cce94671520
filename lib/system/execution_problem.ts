/** Why a file cannot be executed by this process, for messages only. See execve(2). */
import type { Stats } from "node:fs";
import { decodeBytes, encodeBytes } from "../bytes.ts";
import { accountOf } from "./account.ts";
import { describeErrno, Errno, lastErrno, readFile, SystemError, userAndGroup } from "./libc.ts";
import { pathBytes, statusOf } from "./path_status.ts";
import { mayExecute } from "./search_path.ts";

const EXECUTE_BITS = 0o111;
/** How much of a file is read for its first line or its program headers, in bytes. */
const START_LENGTH = 4096;
/** How many interpreters may run each other, as by the kernel. */
const MOST_INTERPRETERS = 4;

const ELF_MAGIC = "\x7fELF";
/** Offsets in the header of a 64-bit ELF file, and in its program headers, see elf(5). */
const Elf = {
  class: 4,
  class64: 2,
  machine: 18,
  programHeaders: 32,
  programHeaderSize: 54,
  programHeaderCount: 56,
  interpreter: 3,
  offset: 8,
  fileSize: 32,
} as const;
/** Numbers of <elf.h>. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

/** Why a program cannot be executed. */
export interface ExecutionFault {
  /** As it was asked about. */
  readonly file: string;
  /** What is wrong with it, a directory on the way, or its interpreter or loader. */
  readonly reason: string;
}

/** {@link executionFault} as a sentence. */
export function executionProblem(path: string): string | undefined {
  const fault = executionFault(path);
  return fault === undefined ? undefined : `${fault.file}: ${fault.reason}`;
}

/**
 * Why a program cannot be executed: because of the file itself, a directory on the way, or the
 * interpreter. undefined if it can be executed.
 *
 * @param path An absolute path.
 */
export function executionFault(path: string, depth = 0): ExecutionFault | undefined {
  const fault = (reason: string): ExecutionFault => ({ file: path, reason });
  if (!mayExecute(path)) {
    const errno = lastErrno();
    return fault(`${describeErrno(errno)}${detailOf(path, errno)}`);
  }
  const status = statusOf(path);
  if (status?.isDirectory() === true) return fault(describeErrno(Errno.EISDIR));
  if (status?.isFile() === false) return fault("it is not a regular file");
  const start = startOf(path);
  // A program that may be executed and not be read.
  if (start === undefined) return undefined;
  if (start.startsWith(ELF_MAGIC)) {
    const reason = loaderProblem(encodeBytes(start));
    return reason === undefined ? undefined : fault(reason);
  }
  // The kernel takes a carriage return for a part of the name.
  const interpreter = /^#![ \t]*([^ \t\n\0]+)/.exec(start)?.[1];
  if (interpreter === undefined) {
    const neither = "it is neither a program of this system nor a script";
    return start.includes("\0") ? fault(`${describeErrno(Errno.ENOEXEC)}: ${neither}`) : undefined;
  }
  if (interpreter.endsWith("\r")) {
    return fault(
      `its first line ends with a carriage return, so the interpreter ${
        interpreter.slice(0, -1)
      } is not found: give it lines that end with a newline alone`,
    );
  }
  if (depth === MOST_INTERPRETERS) return fault(describeErrno(Errno.ELOOP));
  const inner = executionFault(interpreter, depth + 1);
  return inner === undefined ? undefined : fault(`its interpreter ${inner.file}: ${inner.reason}`);
}

/**
 * Why a file that can be executed does not run without a shell: it is a script that names no interpreter,
 * which a shell runs itself.
 */
export function shellProblem(path: string): string | undefined {
  const start = startOf(path);
  return start === undefined || start.startsWith("#!") || start.startsWith(ELF_MAGIC)
    ? undefined
    : `${path}: its interpreter is not named, and no shell runs it (argument_mode=argv)`;
}

/** What more there is to say about a path that access(2) does not find executable. */
function detailOf(path: string, errno: number): string {
  if (errno === Errno.ENOENT) return missingPart(path);
  return errno === Errno.EACCES ? deniedPart(path) : "";
}

/** The directories that lead to a file, from the root. */
function directoriesOf(path: string): readonly string[] {
  const directories: string[] = [];
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
    directories.push(path.slice(0, at));
  }
  return directories;
}

function missingPart(path: string): string {
  const { existsSync, lstatSync, readlinkSync } = process.getBuiltinModule("node:fs");
  const missing = directoriesOf(path).find((directory) => !existsSync(pathBytes(directory)));
  if (missing !== undefined) return `: there is no directory ${missing}`;
  try {
    if (!lstatSync(pathBytes(path)).isSymbolicLink()) return "";
    const target = decodeBytes(readlinkSync(pathBytes(path), { encoding: "buffer" }));
    return `: it is a symbolic link to ${target}`;
  } catch {
    return "";
  }
}

function deniedPart(path: string): string {
  const user = nameOf(userAndGroup().uid);
  for (const directory of directoriesOf(path)) {
    if (mayExecute(directory)) continue;
    return `: user ${user} may not search the directory ${directory}${ownerAndMode(directory)}`;
  }
  const status = statusOf(path);
  if (status === undefined) return "";
  if (status.isDirectory()) return ": it is a directory";
  if ((status.mode & EXECUTE_BITS) === 0) return ": it has no execute bit, see chmod(1)";
  return hasExecuteBit(status)
    ? ": its file system is mounted noexec, or a security module forbids it"
    : `: user ${user} may not execute it${ownerAndMode(path)}`;
}

/** Whether the mode bits let this user execute a file. */
function hasExecuteBit({ uid, gid, mode }: Stats): boolean {
  const own = userAndGroup();
  const inGroup = own.gid === gid || (process.getgroups?.() ?? []).includes(gid);
  return (mode & (own.uid === uid ? 0o100 : inGroup ? 0o010 : 0o001)) !== 0;
}

/** For a message: ` (owner root, mode 0700)`; nothing where they are not to be had. */
function ownerAndMode(path: string): string {
  const status = statusOf(path);
  if (status === undefined) return "";
  const mode = (status.mode & 0o7777).toString(8).padStart(4, "0");
  return ` (owner ${nameOf(status.uid)}, mode ${mode})`;
}

function nameOf(uid: number): string {
  return accountOf(uid).name ?? String(uid);
}

/** The start of a file, as a byte string; undefined where it cannot be read. */
function startOf(path: string): string | undefined {
  try {
    return decodeBytes(readFile(path, START_LENGTH));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
}

/** Why an ELF file does not run: it is of another machine, or its dynamic loader is missing. */
function loaderProblem(start: Uint8Array): string | undefined {
  const machine = MACHINES[process.arch];
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  // Programs of 32 bits may run here or not, as the kernel is built.
  if (start.byteLength < 64 || start[Elf.class] !== Elf.class64) return undefined;
  if (machine !== undefined && view.getUint16(Elf.machine, true) !== machine) {
    return `${describeErrno(Errno.ENOEXEC)}: it is a program for another kind of machine`;
  }
  const size = view.getUint16(Elf.programHeaderSize, true);
  let at = Number(view.getBigUint64(Elf.programHeaders, true));
  for (let left = view.getUint16(Elf.programHeaderCount, true); left > 0; left--, at += size) {
    if (at + Elf.fileSize + 8 > start.byteLength) return undefined;
    if (view.getUint32(at, true) !== Elf.interpreter) continue;
    const from = Number(view.getBigUint64(at + Elf.offset, true));
    const length = Number(view.getBigUint64(at + Elf.fileSize, true));
    if (length < 2 || from + length > start.byteLength) return undefined;
    const loader = decodeBytes(start, from, from + length - 1);
    if (mayExecute(loader)) return undefined;
    return `its loader ${loader}: ${describeErrno(lastErrno())}`;
  }
  return undefined;
}
