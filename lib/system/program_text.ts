import { decodeBytes } from "../bytes.ts";
import { bindLibc, readFile } from "./libc.ts";

const MADV_DONTNEED = 4;

/**
 * Gives the pages of the program's own code back, see madvise(2). Those that are needed are mapped again
 * from the page cache; most of them only the start needs. They are never written to, so nothing is lost.
 *
 * @throws {SystemError} when /proc cannot be read.
 */
export function releaseProgramText(): void {
  const { madvise } = bindLibc({ madvise: { args: ["u64", "u64", "i32"], returns: "i32" } });
  const maps = decodeBytes(readFile("/proc/self/maps"));
  // proc(5): address range, permissions, offset, device, inode, path.
  for (const [, first, end, path] of maps.matchAll(/^(\w+)-(\w+) r-xp \S+ \S+ \d+ +(.*)$/gm)) {
    if (path !== process.execPath) continue;
    const start = parseInt(first!, 16);
    madvise(start, parseInt(end!, 16) - start, MADV_DONTNEED);
  }
}
