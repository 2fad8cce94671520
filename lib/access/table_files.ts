import { decodeBytes } from "../bytes.ts";
import type { FileRead, FileReader } from "../wrappers/match_list.ts";
import { describeErrno, Errno, readFile, SystemError } from "../system/libc.ts";

/** A table or pattern file above this size, in bytes, is an error; a device might have no end. */
export const LARGEST_FILE = 256 * 1024 * 1024;

/** A FIFO or a socket: another process would say how long a decision takes. */
export const WITHOUT_END: FileRead = {
  kind: "unreadable",
  reason: "it is neither a regular file nor a device",
};

/** Reads an access table or a pattern file. */
export function readTableFile(path: string): FileRead {
  try {
    return contentOf(readFile(path, LARGEST_FILE));
  } catch (error) {
    return failureOf(error);
  }
}

/** What a file holds, of which at most one byte above {@link LARGEST_FILE} has been read. */
export function contentOf(bytes: Uint8Array): FileRead {
  return bytes.byteLength > LARGEST_FILE
    ? { kind: "unreadable", reason: `larger than ${LARGEST_FILE >> 20} MiB` }
    : { kind: "text", text: decodeBytes(bytes) };
}

/** What an error of the system says about a file. */
export function failureOf(error: unknown): FileRead {
  if (!(error instanceof SystemError)) throw error;
  if (error.errno === Errno.ENOENT) return { kind: "missing" };
  if (error.errno === Errno.EISDIR) return { kind: "directory" };
  if (error.errno === Errno.ESPIPE) return WITHOUT_END;
  return {
    kind: isLasting(error.errno) ? "unreadable" : "failed",
    reason: describeErrno(error.errno),
  };
}

/** Whether an error lasts until somebody changes the file; any other one may be gone the next time. */
function isLasting(errno: number): boolean {
  switch (errno) {
    case Errno.EPERM:
    case Errno.EACCES:
    case Errno.ENXIO:
    case Errno.ENODEV:
    case Errno.ENOTDIR:
    case Errno.ELOOP:
    case Errno.ENAMETOOLONG:
      return true;
    default:
      return false;
  }
}

/** Makes a reader that reads each file once, so that a decision sees one content of it. */
export function readOnce(read: FileReader): FileReader {
  const files = new Map<string, FileRead>();
  return (path) => {
    let file = files.get(path);
    if (file === undefined) {
      file = read(path);
      files.set(path, file);
    }
    return file;
  };
}
