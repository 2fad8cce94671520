import { decodeBytes } from "../bytes.ts";
import type { FileRead, FileReader } from "../wrappers/match_list.ts";
import { describeErrno, Errno, readFile, SystemError } from "../system/libc.ts";

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

/**
 * Makes a reader for many decisions at once, each of which holds what it has read: as long as a file
 * stays the same, they hold one copy of it.
 */
export function readShared(read: FileReader): FileReader {
  const held = new Map<string, WeakRef<FileRead>>();
  return (path) => {
    const file = read(path);
    if (file.kind !== "text") return file;
    const known = held.get(path)?.deref();
    if (known?.kind === "text" && known.text === file.text) return known;
    held.set(path, new WeakRef<FileRead>(file));
    return file;
  };
}
