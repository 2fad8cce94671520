import { describe, expect, test } from "bun:test";
import { hasTrueCtime } from "../../lib/system/file_system.ts";
import { closeFile, Open, openFile } from "../../lib/system/libc.ts";

function ask(path: string): boolean {
  const fd = openFile(path, Open.readOnly);
  try {
    return hasTrueCtime(fd);
  } finally {
    closeFile(fd);
  }
}

describe("hasTrueCtime()", () => {
  test("trusts the file system of temporary files in memory", () => {
    expect(ask("/dev/shm")).toBe(true);
  });

  test.each(["/proc/version", "/sys/kernel"])("does not trust that of %s", (path) => {
    expect(ask(path)).toBe(false);
  });
});
