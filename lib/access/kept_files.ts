import {
  type FileStatus,
  fstat,
  hasAnEnd,
  isSameInode,
  isUnchanged,
  regularSizeOf,
} from "../system/file_status.ts";
import { hasTrueCtime } from "../system/file_system.ts";
import { closeFile, now, Open, openFile, readToEnd } from "../system/libc.ts";
import type { FileRead, FileReader } from "../wrappers/match_list.ts";
import type { Request } from "../wrappers/request.ts";
import type { LineSkipper } from "../wrappers/skip_lines.ts";
import { indexTable, LARGEST_INDEXED } from "../wrappers/table_index.ts";
import { contentOf, failureOf, LARGEST_FILE, WITHOUT_END } from "./table_files.ts";

/** How many files are known, and the most bytes to keep of one and of all. */
const MOST_FILES = 64;
const LARGEST_KEPT = LARGEST_INDEXED;
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * How long a file must have had the same times before what is read of it is kept, in milliseconds. Two
 * changes within one tick of the clock leave the same times, and a tick may be a whole second. Ages by
 * that clock would not do: it can be set back.
 */
const SETTLED = 2_000;

/** A file as it was last read. */
interface KnownFile {
  readonly status: FileStatus;
  /** When it was first seen with this status, in milliseconds of {@link now}. */
  readonly since: number;
  /** What was read; decisions that wait may still hold it. */
  readonly read: WeakRef<FileRead>;
  /** The same, once it is kept. */
  readonly kept: FileRead | undefined;
  /** How many bytes are kept. */
  readonly bytes: number;
}

/**
 * Makes a reader of access tables and pattern files for many decisions. It opens a file each time, but
 * does not read it again as long as inode, size, mtime and ctime are the same. What cannot be kept is
 * read each time; decisions that hold the same content share one copy of it.
 */
export function keepFiles(): FileReader {
  const files = new Map<string, KnownFile>();
  return (path) => {
    try {
      const fd = openFile(path, Open.readOnlyAtOnce);
      try {
        return readOpen(files, path, fd);
      } finally {
        closeFile(fd);
      }
    } catch (error) {
      files.delete(path);
      return failureOf(error);
    }
  };
}

function readOpen(files: Map<string, KnownFile>, path: string, fd: number): FileRead {
  const status = fstat(fd);
  if (status !== undefined && !hasAnEnd(status)) return WITHOUT_END;
  // Not earlier: what changes from now on has other times, or is read again below.
  const time = now();
  const known = files.get(path);
  const same = known !== undefined && status !== undefined && isSameFile(known.status, status);
  if (same && known.kept !== undefined) return known.kept;
  let file = contentOf(readToEnd(fd, path, LARGEST_FILE, status && regularSizeOf(status)));
  files.delete(path);
  if (status === undefined || file.kind !== "text") return file;

  const before = known?.read.deref();
  if (before?.kind === "text" && before.text === file.text) file = before;
  const since = same ? known.since : time;
  const { text } = file;
  const bytes = time - since >= SETTLED && mayKeep(fd, status, text) ? text.length : 0;
  if (bytes > 0) file = { kind: "text", text, skipper: skipperLater(text) };
  makeSpace(files, bytes);
  const kept = bytes > 0 ? file : undefined;
  files.set(path, { status, since, read: new WeakRef<FileRead>(file), kept, bytes });
  return file;
}

function isSameFile(one: FileStatus, other: FileStatus): boolean {
  return isSameInode(one, other) && isUnchanged(one, other);
}

/** Whether a file's status says when its content changes. That of a file below /proc does not. */
function mayKeep(fd: number, status: FileStatus, text: string): boolean {
  return text.length > 0 && text.length <= LARGEST_KEPT &&
    regularSizeOf(status) === text.length && hasTrueCtime(fd);
}

/** The index is made when a search first asks for it: not every file is a long table. */
function skipperLater(text: string): (request: Request) => LineSkipper {
  let skipper: ReturnType<typeof indexTable> | undefined;
  return (request) => (skipper ??= indexTable(text))(request);
}

/** Forgets the files that have been known for longest, until another one may be kept. */
function makeSpace(files: Map<string, KnownFile>, bytes: number): void {
  let total = bytes;
  for (const known of files.values()) total += known.bytes;
  for (const [path, known] of files) {
    if (files.size < MOST_FILES && total <= MOST_BYTES) return;
    files.delete(path);
    total -= known.bytes;
  }
}
