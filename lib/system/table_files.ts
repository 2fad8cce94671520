import { decodeBytes } from "../bytes.ts";
import type { FileRead } from "../wrappers/match_list.ts";
import { describeErrno, Errno, readFile, SystemError } from "./libc.ts";

/** A table or pattern file above this size, in bytes, is an error; a device might have no end. */
const LARGEST_FILE = 256 * 1024 * 1024;

/** Reads an access table or a pattern file. */
export function readTableFile(path: string): FileRead {
  try {
    const bytes = readFile(path, LARGEST_FILE);
    return bytes.byteLength > LARGEST_FILE
      ? { kind: "unreadable", reason: `larger than ${LARGEST_FILE >> 20} MiB` }
      : { kind: "text", text: decodeBytes(bytes) };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === Errno.ENOENT) return { kind: "missing" };
    if (error.errno === Errno.EISDIR) return { kind: "directory" };
    return { kind: "unreadable", reason: describeErrno(error.errno) };
  }
}
