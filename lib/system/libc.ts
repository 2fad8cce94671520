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
 * Under this name glibc and musl both find themselves, already loaded, without a search for a file.
 * Where that fails, the runtime tries the name again as a path below the working directory. The C
 * library reads up to the NUL; the runtime's path is the directory itself, which is never a library.
 */
export const LIBC = "libc.so.6\0/..";

let unbound: Error | undefined;
let started = false;

/**
 * Binds functions of the C library.
 *
 * While the program's modules are loaded, nothing catches an exception, and the runtime would print it,
 * with source text, on what may be a client's connection. Until {@link bindingFailure} is called, a
 * failure is therefore recorded, and the functions are missing.
 *
 * @throws {Error} after that call, when the functions cannot be bound.
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
    unbound ??= error as Error;
    return {} as Library<Functions>["symbols"];
  }
}

/** Why the C library could not be bound while modules were loaded. To be called before any function. */
export function bindingFailure(): Error | undefined {
  started = true;
  return unbound;
}

/**
 * Functions of the C library that are bound when one of them is first called. A check under inetd calls
 * few of them, and binding costs 3 µs a function.
 */
export function bindLater<const Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): () => Library<Functions>["symbols"] {
  let bound: Library<Functions>["symbols"] | undefined;
  return () => bound ??= bindLibc(functions);
}

// read(2) and write(2) return ssize_t. No buffer here holds 2 GiB, so the low half is enough.
const libc = bindLibc({
  // Not later: binding it could change errno.
  __errno_location: { args: [], returns: "ptr" },
  open: { args: ["buffer", "i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  read: { args: ["i32", "buffer", "u64"], returns: "i32" },
  poll: { args: ["buffer", "u64", "i32"], returns: "i32" },
  getuid: { args: [], returns: "u32" },
  getgid: { args: [], returns: "u32" },
});

/** See lseek(2). */
const SEEK_CUR = 1;

const rare = bindLater({
  strerror: { args: ["i32"], returns: "cstring" },
  strlen: { args: ["ptr"], returns: "u64" },
  write: { args: ["i32", "buffer", "u64"], returns: "i32" },
});

const rarer = bindLater({ lseek: { args: ["i32", "i64", "i32"], returns: "i32" } });

/** The errno values that the program distinguishes, see errno(3). */
export const enum Errno {
  EPERM = 1,
  ENOENT = 2,
  ESRCH = 3,
  EINTR = 4,
  ENXIO = 6,
  ENOEXEC = 8,
  EBADF = 9,
  EAGAIN = 11,
  ENOMEM = 12,
  EACCES = 13,
  EEXIST = 17,
  ENODEV = 19,
  ENOTDIR = 20,
  EISDIR = 21,
  EINVAL = 22,
  ENFILE = 23,
  EMFILE = 24,
  ENOSPC = 28,
  ESPIPE = 29,
  EPIPE = 32,
  ENAMETOOLONG = 36,
  ENOSYS = 38,
  ELOOP = 40,
  ENOTSOCK = 88,
  EPROTOTYPE = 91,
  EAFNOSUPPORT = 97,
  EADDRINUSE = 98,
  EADDRNOTAVAIL = 99,
  ECONNRESET = 104,
  ENOBUFS = 105,
  ENOTCONN = 107,
  EINPROGRESS = 115,
}

/** A system call that failed, with errno and the C library's text for it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  /**
   * @param call The C function.
   * @param errno Its error number, see errno(3).
   * @param subject The path or address that it was called with, if any.
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

/** errno of the last call. To be read before any other call. */
export function lastErrno(): number {
  errno ??= new Int32Array(ffi.toArrayBuffer(libc.__errno_location() as Pointer, 0, 4));
  return errno[0]!;
}

/** A NUL-terminated copy of a byte string, for a `const char *`. */
export function cString(text: string): Uint8Array {
  return encodeBytes(text + "\0");
}

/** A NULL-terminated `char *[]`, and the memory that it points into, which must outlive it. */
interface StringArray {
  readonly array: Int32Array;
  readonly memory: Uint8Array;
}

export function stringArray(texts: readonly string[]): StringArray {
  const memory = cString(texts.join("\0"));
  const base = ffi.ptr(memory);
  const array = new Int32Array(2 * texts.length + 2);
  let offset = 0;
  for (let at = 0; at < texts.length; at++) {
    const address = base + offset;
    // An element of 32 bits keeps the low half of a number.
    array[2 * at] = address;
    array[2 * at + 1] = address / 2 ** 32;
    offset += texts[at]!.length + 1;
  }
  return { array, memory };
}

/** The byte string at a `char *`; empty for NULL. */
export function textAt(pointer: Pointer | null): string {
  const length = pointer ? Number(rare().strlen(pointer)) : 0;
  return length === 0 ? "" : decodeBytes(new Uint8Array(ffi.toArrayBuffer(pointer!, 0, length)));
}

/** Ways to open a file, see open(2). */
export const Open = {
  readOnly: openFlags.O_CLOEXEC,
  /** Does not wait for the other end of a FIFO or for a lease, see O_NONBLOCK. */
  readOnlyAtOnce: openFlags.O_NONBLOCK | openFlags.O_NOCTTY | openFlags.O_CLOEXEC,
  readWrite: openFlags.O_RDWR | openFlags.O_CLOEXEC,
  directory: openFlags.O_DIRECTORY | openFlags.O_CLOEXEC,
} as const;

/**
 * open(2), restarted after a signal, which can interrupt it on a file system of the network.
 * @throws {SystemError} when the file cannot be opened.
 */
export function openFile(path: string, flags: number, mode = 0): number {
  const name = cString(path);
  for (;;) {
    const fd = libc.open(name, flags, mode);
    if (fd >= 0) return fd;
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("open", errno, path);
  }
}

/** close(2). Its errors are of no use here. */
export function closeFile(fd: number): void {
  libc.close(fd);
}

/**
 * read(2), restarted after a signal.
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
 * Reads a whole file. It waits for no other process.
 *
 * @param limit In bytes; of a larger file, one byte more is returned.
 * @throws {SystemError} when it cannot be opened or read; EISDIR for a directory, ESPIPE for a FIFO.
 */
export function readFile(path: string, limit = Number.MAX_SAFE_INTEGER): Uint8Array {
  const fd = openFile(path, Open.readOnlyAtOnce);
  try {
    const bytes = readToEnd(fd, path, limit);
    // A FIFO that has no writer seems to be empty.
    if (bytes.byteLength === 0 && rarer().lseek(fd, 0, SEEK_CUR) < 0) {
      throw new SystemError("read", lastErrno(), path);
    }
    return bytes;
  } finally {
    closeFile(fd);
  }
}

/**
 * Reads the rest of an open file, as {@link readFile} does.
 * @param size The expected length in bytes, if it is known; a hint.
 * @throws {SystemError} with the path as its subject when it cannot be read.
 */
export function readToEnd(fd: number, path: string, limit: number, size = 0): Uint8Array {
  // With one byte more, the read that finds the end needs no larger buffer.
  let bytes = new Uint8Array(size < 4096 || size >= limit ? 4096 : size + 1);
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
export const enum Poll {
  in = 1,
  out = 4,
  error = 8,
  hangUp = 16,
}

/** The longest time-out of poll(2), in milliseconds. */
const LONGEST_TIMEOUT = 0x7fffffff;

/** How long to wait before poll(2) is tried again that has failed, in milliseconds. */
const POLL_AGAIN = 10;

/** A descriptor and the {@link Poll} conditions to wait for. */
interface PollRequest {
  readonly fd: number;
  readonly events: number;
}

/**
 * Waits until one of the descriptors is ready; without descriptors, until the deadline. See poll(2).
 *
 * @param deadline In milliseconds of {@link now}.
 * @returns The conditions of each descriptor; all 0 when the deadline has passed.
 */
export function waitFor(awaited: readonly PollRequest[], deadline: number): number[] {
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
    if (ready < 0 && lastErrno() !== Errno.EINTR) {
      // Without memory for it there is nothing to wait with, and after the deadline no reason to.
      if (rest <= 0) return conditionsOf(set);
      Bun.sleepSync(rest < POLL_AGAIN ? rest : POLL_AGAIN);
    }
  }
}

/** Whether a read(2) or accept(2) on a descriptor would not block. */
export function isReadable(fd: number): boolean {
  return waitFor([{ fd, events: Poll.in }], 0)[0] !== 0;
}

/** A time-out for poll(2), rounded up. */
function wholeMilliseconds(time: number): number {
  if (time <= 0) return 0;
  return time < LONGEST_TIMEOUT ? (time | 0) + 1 : LONGEST_TIMEOUT;
}

function conditionsOf(set: Int32Array): number[] {
  const conditions: number[] = [];
  for (let at = 1; at < set.length; at += 2) conditions.push(set[at]! >> 16);
  return conditions;
}

/** The time of a monotonic clock, in milliseconds. */
export function now(): number {
  return Bun.nanoseconds() / 1e6;
}

/** getuid(2) and getgid(2). */
export function userAndGroup(): { readonly uid: number; readonly gid: number } {
  return { uid: libc.getuid(), gid: libc.getgid() };
}
