import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { byteStringOf } from "../../lib/bytes.ts";
import { canonicalPath, exists, isDirectory, listDirectory } from "../../lib/system/directory.ts";
import { makeRoom, type Room } from "../support/room.ts";

let room: Room;
let path: string;

beforeAll(() => {
  room = makeRoom();
  path = join(room.path, "directory");
  mkdirSync(join(path, "sub"), { recursive: true });
  writeFileSync(join(path, "file"), "");
  writeFileSync(join(path, "größe €"), "");
  writeFileSync(Buffer.from(`${path}/\xff\xfe`, "latin1"), "");
  Bun.spawnSync(["mkfifo", join(path, "fifo")]);
  for (
    const [name, target] of [
      ["to-file", "file"],
      ["to-directory", "sub"],
      ["to-nothing", "missing"],
      ["to-itself", "to-itself"],
      ["to-fifo", "fifo"],
      ["to-link", "to-directory"],
    ] as const
  ) symlinkSync(target, join(path, name));
});

afterAll(() => room[Symbol.dispose]());

describe("listDirectory()", () => {
  test("sorts entries by what they lead to, and keeps the bytes of their names", () => {
    const { files, directories, odd } = listDirectory(path);
    expect([...files].sort()).toEqual(
      ["fifo", "file", byteStringOf("größe €"), "to-fifo", "to-file", "to-nothing", "\xff\xfe"]
        .sort(),
    );
    expect([...directories].sort()).toEqual(["sub", "to-directory", "to-link"]);
    expect(odd).toEqual([{ name: "to-itself", reason: "Too many levels of symbolic links" }]);
  });

  test("lists as many entries as there are", () => {
    const many = join(room.path, "many");
    mkdirSync(many);
    // More than one read of the kernel's brings.
    for (let at = 0; at < 3000; at++) {
      writeFileSync(join(many, `${at}-${"x".repeat(at % 200)}`), "");
    }
    expect([...listDirectory(many).files].sort()).toEqual(readdirSync(many).sort());
  });

  test.each([["file", "Not a directory"], ["missing", "No such file or directory"]])(
    "throws on %s: %s",
    (name, reason) => {
      const file = join(path, name);
      expect(() => listDirectory(file)).toThrow(`opendir(${file}): ${reason}`);
    },
  );
});

describe("a path", () => {
  test.each([
    // Name, whether it leads to a directory, whether there is something.
    ["sub", true, true],
    ["to-link", true, true],
    ["file", false, true],
    ["to-fifo", false, true],
    ["missing", false, false],
    ["to-nothing", false, false],
    // There may be something: this cannot be known.
    ["to-itself", false, true],
    ["file/below", false, true],
  ])("such as %s leads to a directory: %p, and to anything: %p", (name, directory, anything) => {
    expect(isDirectory(join(path, name))).toBe(directory);
    expect(exists(join(path, name))).toBe(anything);
  });

  test.each(["sub", "to-link", "sub/../to-file", "missing", "to-nothing", "to-itself"])(
    "such as %s has the canonical form of realpath(3)",
    (name) => {
      let expected: string | undefined;
      try {
        expected = realpathSync.native(`${path}/${name}`);
      } catch {
        // There is none.
      }
      expect(canonicalPath(`${path}/${name}`)).toBe(expected);
    },
  );
});
