/**
 * The C library, called through `bun:ffi`.
 *
 * Everything that a conversation needs of the system goes through here instead of `node:fs` or
 * `node:net`: loading `node:fs` alone takes some 1.5 ms of the 3 ms that an empty program takes to
 * start, and under inetd that is paid at every check.
 *
 * Structures have the layout of 64-bit Linux, which glibc and musl share.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import { openFlags } from "./architecture.ts";
import { ffi, type FFIFunction, type Library, type Pointer } from "./ffi.ts";

/**
 * The name by which glibc and musl both answer with themselves, as they are loaded, without looking for
 * a file. Where that fails the runtime tries the name once more, as a path below the working directory.
 * The C library reads no further than the NUL; the runtime's path leads back to the directory itself,
 * which is no library, whoever owns it.
 */
export const LIBC = "libc.so.6\0/..";

let failure: Error | undefined;
let started = false;

/**
 * Binds functions of the C library; what is rarely used is bound where it is used.
 *
 * While the program's modules are loaded nobody could catch an exception, and the runtime would print
 * it, with source text, on what may be a client's connection. So until {@link bindingFailure} has been
 * asked a failure is kept for it, and the functions are missing.
 *
 * @throws {Error} afterwards, when they cannot be bound.
 */
export function bindLibc<const Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): Library<Functions>["symbols"] {
  try {
    const library: Library<Functions> | Error = ffi.dlopen(LIBC, functions);
    if ("symbols" in library) return library.symbols;
    throw library;
  } catch (error) {
    if (started) throw error;
    failure ??= error as Error;
    return {} as Library<Functions>["symbols"];
  }
}

/** Why the C library could not be bound while modules were loaded; to be asked before it is called. */
export function bindingFailure(): Error | undefined {
  started = true;
  return failure;
}

/**
 * Functions of the C library that are loaded when one of them is needed for the first time: of what a
 * file can do, a check under inetd needs little, and each function costs it 3 µs.
 */
export function bindLater<const Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): () => Library<Functions>["symbols"] {
  let bound: Library<Functions>["symbols"] | undefined;
  return () => bound ??= bindLibc(functions);
}

// read(2) and write(2) return ssize_t; no buffer here holds 2 GiB, so its low half says it all.
const libc = bindLibc({
  // Not later: loading it could change errno itself.
  __errno_location: { args: [], returns: "ptr" },
  open: { args: ["buffer", "i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  read: { args: ["i32", "buffer", "u64"], returns: "i32" },
  poll: { args: ["buffer", "u64", "i32"], returns: "i32" },
  getuid: { args: [], returns: "u32" },
  getgid: { args: [], returns: "u32" },
});

const rare = bindLater({
  strerror: { args: ["i32"], returns: "cstring" },
  strlen: { args: ["ptr"], returns: "u64" },
  write: { args: ["i32", "buffer", "u64"], returns: "i32" },
});

/** errno values that the program tells apart (Linux). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  ENXIO: 6,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ENOSYS: 38,
  ELOOP: 40,
  ENOTSOCK: 88,
  EPROTOTYPE: 91,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENOTCONN: 107,
  EINPROGRESS: 115,
} as const;

/** A system call that failed, with errno and the C library's text for it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  /**
   * @param call The C function.
   * @param errno Its error number, see errno(3).
   * @param subject What it was applied to, a path or an address, where there is one.
   */
  constructor(readonly call: string, readonly errno: number, readonly subject?: string) {
    super(`${subject === undefined ? call : `${call}(${subject})`}: ${describeErrno(errno)}`);
  }
}

/** The C library's text for an error number, such as `Permission denied`. */
export function describeErrno(errno: number): string {
  return String(rare().strerror(errno));
}

let errno: Int32Array | undefined;

/** errno as the last call left it; to be read before anything else is called. */
export function lastErrno(): number {
  errno ??= new Int32Array(ffi.toArrayBuffer(libc.__errno_location() as Pointer, 0, 4));
  return errno[0]!;
}

/** A NUL-terminated copy of a byte string, for a `const char *`. */
export function cString(text: string): Uint8Array {
  return encodeBytes(text + "\0");
}

/** A NULL-terminated `char *[]`, and the memory it points into, to be kept while it is in use. */
export interface StringArray {
  readonly array: Int32Array;
  readonly memory: Uint8Array;
}

/** Makes the `char *[]` of some byte strings. */
export function stringArray(texts: readonly string[]): StringArray {
  const memory = cString(texts.join("\0"));
  const base = ffi.ptr(memory);
  const array = new Int32Array(2 * texts.length + 2);
  let offset = 0;
  for (let at = 0; at < texts.length; at++) {
    const address = base + offset;
    // Each half is what an element of 32 bits keeps of the number.
    array[2 * at] = address;
    array[2 * at + 1] = address / 2 ** 32;
    offset += texts[at]!.length + 1;
  }
  return { array, memory };
}

/** The byte string at a pointer that a C function returned; empty for NULL. */
export function textAt(pointer: Pointer | null): string {
  const length = pointer ? Number(rare().strlen(pointer)) : 0;
  return length === 0 ? "" : decodeBytes(new Uint8Array(ffi.toArrayBuffer(pointer!, 0, length)));
}

/** Ways to open a file, see open(2). */
export const Open = {
  readOnly: openFlags.O_CLOEXEC,
  /** Whatever it is, without waiting for anybody, see O_NONBLOCK. */
  readOnlyAtOnce: openFlags.O_NONBLOCK | openFlags.O_NOCTTY | openFlags.O_CLOEXEC,
  readWrite: openFlags.O_RDWR | openFlags.O_CLOEXEC,
  directory: openFlags.O_DIRECTORY | openFlags.O_CLOEXEC,
} as const;

/**
 * open(2).
 * @throws {SystemError} when the file cannot be opened.
 */
export function openFile(path: string, flags: number, mode = 0): number {
  const fd = libc.open(cString(path), flags, mode);
  if (fd < 0) throw new SystemError("open", lastErrno(), path);
  return fd;
}

/** close(2); an error of it is of no use to anyone here. */
export function closeFile(fd: number): void {
  libc.close(fd);
}

/**
 * read(2), begun again when a signal interrupts it.
 * @returns The bytes read, 0 at the end, or minus errno.
 */
export function readInto(fd: number, buffer: Uint8Array): number {
  for (;;) {
    const count = libc.read(fd, buffer, buffer.byteLength);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno !== Errno.EINTR) return -errno;
  }
}

/**
 * Writes all bytes to a blocking descriptor.
 * @returns 0, or the errno that stopped it.
 */
export function writeAll(fd: number, bytes: Uint8Array): number {
  for (let rest = bytes; rest.byteLength > 0;) {
    const count = rare().write(fd, rest, rest.byteLength);
    if (count >= 0) rest = rest.subarray(count);
    else {
      const errno = lastErrno();
      if (errno !== Errno.EINTR) return errno;
    }
  }
  return 0;
}

/**
 * Reads a whole file.
 *
 * @param limit The largest size, in bytes, that is read; of a larger file one byte more is returned.
 * @throws {SystemError} when it cannot be opened or read; EISDIR for a directory.
 */
export function readFile(path: string, limit = Number.MAX_SAFE_INTEGER): Uint8Array {
  const fd = openFile(path, Open.readOnly);
  try {
    return readToEnd(fd, path, limit);
  } finally {
    closeFile(fd);
  }
}

/**
 * Reads what is left of a file that is open, as {@link readFile} does.
 * @throws {SystemError} with the path as its subject when it cannot be read.
 */
export function readToEnd(fd: number, path: string, limit: number): Uint8Array {
  let bytes = new Uint8Array(4096);
  let length = 0;
  while (length <= limit) {
    if (length === bytes.byteLength) {
      const larger = new Uint8Array(bytes.byteLength * 4);
      larger.set(bytes);
      bytes = larger;
    }
    const count = readInto(fd, bytes.subarray(length));
    if (count < 0) throw new SystemError("read", -count, path);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length > limit ? limit + 1 : length);
}

/** Conditions of poll(2). */
export const Poll = { in: 1, out: 4, error: 8, hangUp: 16 } as const;

/** What poll(2) waits at most, in milliseconds. */
const LONGEST_TIMEOUT = 0x7fffffff;

/** A descriptor to wait for, and the {@link Poll} conditions that are of interest. */
export interface Awaited {
  readonly fd: number;
  readonly events: number;
}

/**
 * Waits until one of some descriptors is ready; without descriptors, until the deadline.
 *
 * @param deadline When to give up, in milliseconds of {@link now}.
 * @returns For each descriptor the conditions that hold; all 0 when the deadline passed.
 */
export function waitFor(awaited: readonly Awaited[], deadline: number): number[] {
  // struct pollfd { int fd; short events; short revents; }
  const set = new Int32Array(awaited.length * 2);
  for (let at = 0; at < awaited.length; at++) {
    set[at * 2] = awaited[at]!.fd;
    set[at * 2 + 1] = awaited[at]!.events;
  }
  for (;;) {
    const rest = deadline - now();
    const ready = libc.poll(set, awaited.length, wholeMilliseconds(rest));
    if (ready > 0 || (rest <= 0 && ready === 0)) return conditionsOf(set);
  }
}

/** Whether reading a descriptor, or accepting on it, would not wait now. */
export function isReadable(fd: number): boolean {
  return waitFor([{ fd, events: Poll.in }], 0)[0] !== 0;
}

/** A time-out for poll(2) that is not shorter than asked for. */
function wholeMilliseconds(time: number): number {
  if (time <= 0) return 0;
  return time < LONGEST_TIMEOUT ? (time | 0) + 1 : LONGEST_TIMEOUT;
}

function conditionsOf(set: Int32Array): number[] {
  const conditions: number[] = [];
  for (let at = 1; at < set.length; at += 2) conditions.push(set[at]! >> 16);
  return conditions;
}

/** A clock that nobody sets, in milliseconds. */
export function now(): number {
  return Bun.nanoseconds() / 1e6;
}

/** getuid(2) and getgid(2). */
export function userAndGroup(): { readonly uid: number; readonly gid: number } {
  return { uid: libc.getuid(), gid: libc.getgid() };
}
