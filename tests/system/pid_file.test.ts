import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { holdPidFile, type PidFile } from "../../lib/system/pid_file.ts";
import { makeRoom, type Room } from "../support/room.ts";

const OWN = { uid: process.getuid!(), gid: process.getgid!() };
const LINE = `${process.pid}\n`;

let room: Room;
let path: string;

beforeEach(() => {
  room = makeRoom();
  path = join(room.path, "nrpe.pid");
});

afterEach(() => room[Symbol.dispose]());

/** Holds the file as another agent would: its lock is one of an open file description. */
function hold(): PidFile {
  const result = holdPidFile(path, OWN);
  if (result.kind !== "held") throw new Error(JSON.stringify(result));
  return result.file;
}

const content = () => readFileSync(path, "latin1");

describe("holdPidFile()", () => {
  test.each([
    ["nothing", undefined],
    ["an empty file", ""],
    ["the file of an agent that was killed", "4194304\n"],
    ["the file of a process that lives", "1\n"],
    ["a longer text", "1234567890 and more than fits\nand another line\n"],
  ])("writes this process's id, for all to read, where there is %s", (_, before) => {
    if (before !== undefined) writeFileSync(path, before);
    const file = hold();
    expect(content()).toBe(LINE);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(file.remove()).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  test("is refused with the holder's process id as long as another agent holds the file", () => {
    const first = hold();
    expect(holdPidFile(path, OWN)).toEqual({ kind: "taken", pid: process.pid });
    expect(content()).toBe(LINE);
    first.remove();
    hold().remove();
  });

  test("leaves a file alone that the next agent has taken over", () => {
    const first = hold();
    first.release();
    const second = hold();
    expect(first.remove()).toBe(true);
    expect(content()).toBe(LINE);
    expect(second.remove()).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  test("leaves a file alone that has another one in its place by now", () => {
    const file = hold();
    Bun.spawnSync(["mv", room.file("other", "1\n"), path]);
    expect(file.remove()).toBe(true);
    expect(content()).toBe("1\n");
  });

  test("replaces a file that others may write to, also for those who have it open", () => {
    writeFileSync(path, "1\n");
    chmodSync(path, 0o666);
    const others = openSync(path, "r+");
    const file = hold();
    writeSync(others, "2\n");
    closeSync(others);
    expect(content()).toBe(LINE);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(file.remove()).toBe(true);
  });

  test.each([
    ["a symbolic link", (name: string) => symlinkSync("/dev/null", name), "it is a symbolic link"],
    ["a FIFO", (name: string) => void Bun.spawnSync(["mkfifo", name]), "it is not a regular file"],
    ["a file of two names", (name: string) => {
      linkSync(room.file("other", "1\n"), name);
    }, "it is a hard link, one of 2 names of a file"],
    ["a directory", (name: string) => void Bun.spawnSync(["mkdir", name]), "Is a directory"],
  ])("refuses %s", (_, make, reason) => {
    make(path);
    expect(holdPidFile(path, OWN)).toEqual({ kind: "failed", reason });
  });

  test("fails with the reason where there is no directory", () => {
    path = join(room.path, "missing", "nrpe.pid");
    expect(holdPidFile(path, OWN)).toEqual({
      kind: "failed",
      reason: "No such file or directory",
    });
  });
});
