import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What a package has to say about a program. */
export interface Program {
  readonly architecture: Architecture;
  /** The version of glibc that it needs at least, such as `2.17`. */
  readonly glibc: string;
}

/** A processor, as Debian calls it. */
export type Architecture = "amd64" | "arm64";

/** The processors that packages are made for, by e_machine of elf(5). */
const MACHINES = new Map<number, Architecture>([[62, "amd64"], [183, "arm64"]]);
/** sh_type of the section with the versions of symbols that are needed. */
const SHT_GNU_VERNEED = 0x6ffffffe;

/**
 * Reads what an ELF file of 64 bits needs, see elf(5): its processor, and the highest version of glibc in
 * the versions of its symbols.
 *
 * @throws {SyntaxError} when it is another file, or is built for another C library.
 */
export function readProgram(path: string): Program {
  const file = openSync(path, "r");
  try {
    const size = fstatSync(file).size;
    const read = (offset: number, length: number) => {
      if (offset + length > size) throw new SyntaxError(`Cannot read ${path}: it ends too soon`);
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, offset);
      return bytes;
    };
    const header = read(0, 64);
    if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) {
      throw new SyntaxError(`Cannot read ${path}: it is no ELF file of 64 bits, least byte first`);
    }
    const architecture = MACHINES.get(header.readUInt16LE(18));
    if (architecture === undefined) {
      throw new SyntaxError(`Cannot package ${path}: it is for another processor`);
    }
    const sections = readSections(header, read);
    const needed = sections.find(({ type }) => type === SHT_GNU_VERNEED);
    const strings = needed === undefined ? undefined : sections[needed.link];
    const versions = needed === undefined || strings === undefined
      ? []
      : versionNames(read(needed.offset, needed.size), read(strings.offset, strings.size));
    const glibc = versions.flatMap((name) => /^GLIBC_([0-9.]+)$/.exec(name)?.[1] ?? [])
      .sort(Bun.semver.order).at(-1);
    if (glibc === undefined) {
      throw new SyntaxError(`Cannot package ${path}: it needs no version of glibc`);
    }
    return { architecture, glibc };
  } finally {
    closeSync(file);
  }
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** The number of the section with its strings. */
  readonly link: number;
}

function readSections(
  header: Buffer,
  read: (offset: number, length: number) => Buffer,
): readonly Section[] {
  const [size, count] = [header.readUInt16LE(58), header.readUInt16LE(60)];
  const table = read(Number(header.readBigUInt64LE(40)), size * count);
  return Array.from({ length: count }, (_, index) => ({
    type: table.readUInt32LE(index * size + 4),
    offset: Number(table.readBigUInt64LE(index * size + 24)),
    size: Number(table.readBigUInt64LE(index * size + 32)),
    link: table.readUInt32LE(index * size + 40),
  }));
}

/** The names in a list of Elf64_Verneed and, below each, of Elf64_Vernaux. */
function versionNames(needed: Buffer, strings: Buffer): readonly string[] {
  const names: string[] = [];
  for (let file = 0;;) {
    let version = file + needed.readUInt32LE(file + 8);
    for (let left = needed.readUInt16LE(file + 2); left > 0; left--) {
      const start = needed.readUInt32LE(version + 8);
      names.push(strings.toString("latin1", start, strings.indexOf(0, start)));
      version += needed.readUInt32LE(version + 12);
    }
    const next = needed.readUInt32LE(file + 12);
    if (next === 0) return names;
    file += next;
  }
}
