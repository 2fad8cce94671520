import { decodeBytes } from "../../bytes.ts";
import { pathBytes } from "../../system/path_status.ts";

/** A file of this size, in bytes, is no file of settings; a device might have no end. */
const LARGEST_TEXT = 16 * 1024 * 1024;

/** What a file holds, or why that is not known. */
export type TextRead =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" | "unreadable"; readonly reason: string };

/** node:fs. No conversation comes this way, so it may be loaded. */
export function fileSystem(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

/**
 * Reads a regular file as a byte string. It never blocks: what a FIFO or a device holds is not read.
 *
 * @param last Only this many bytes at the end of the file are read.
 */
export function readText(path: string, last?: number): TextRead {
  const { closeSync, constants, fstatSync, openSync, readSync } = fileSystem();
  let fd: number | undefined;
  try {
    fd = openSync(pathBytes(path), constants.O_RDONLY | constants.O_NONBLOCK);
    const status = fstatSync(fd);
    if (!status.isFile()) return { kind: "unreadable", reason: "it is no regular file" };
    if (last === undefined && status.size > LARGEST_TEXT) {
      return { kind: "unreadable", reason: `it is larger than ${LARGEST_TEXT >> 20} MiB` };
    }
    let at = last === undefined ? 0 : Math.max(0, status.size - last);
    const parts: Uint8Array[] = [];
    // Files of /proc have a size of 0.
    for (let length = 0; length <= LARGEST_TEXT;) {
      const part = new Uint8Array(65536);
      const count = readSync(fd, part, 0, part.byteLength, at);
      if (count === 0) break;
      parts.push(part.subarray(0, count));
      at += count;
      length += count;
    }
    return { kind: "text", text: decodeBytes(Buffer.concat(parts)) };
  } catch (error) {
    return failureOf(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function failureOf(error: unknown): TextRead {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing", reason: "no such file" };
  if (code === "EACCES" || code === "EPERM") {
    return { kind: "unreadable", reason: "permission denied" };
  }
  return { kind: "unreadable", reason: message };
}

/** What a file holds; nothing where it cannot be read. */
export function textOf(path: string): string {
  const file = readText(path);
  return file.kind === "text" ? file.text : "";
}

/** The names in a directory in their order; none where it cannot be read. */
export function namesIn(directory: string): readonly string[] {
  try {
    return fileSystem().readdirSync(pathBytes(directory), { encoding: "latin1" }).sort();
  } catch {
    return [];
  }
}

/** The last component of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
