import { Errno, readInto, SystemError } from "../system/libc.ts";
import { type Inheritance, type Started, startInGroup } from "../system/process.ts";
import { programOf, shellProgram } from "./program.ts";

/**
 * How much of a plugin's output is kept, in bytes: what a response carries, and one byte more to see
 * that it was cut. The plugin may write on; it is read and dropped.
 */
const KEPT_OUTPUT = 65536;

/**
 * How long output is waited for after the plugin's end while another process can still write some, in
 * milliseconds: enough for the last words of a short background job, too little to be felt where a
 * daemon was left behind.
 */
export const LAST_WORDS = 200;

/** How long a group has for ending itself after SIGTERM, in milliseconds. */
export const GRACE = 1000;

/** How often an ended plugin is looked for where the kernel does not announce it, in milliseconds. */
export const LOOK_AGAIN = 20;

/**
 * Starts the program of a command line; what can't be started directly goes to the shell, which says
 * 126 or 127.
 * @throws {SystemError} when there is no starting anything.
 */
export function startPlugin(line: string, inheritance: Inheritance): Started {
  const program = programOf(line);
  const shell = shellProgram(line);
  if (program.file === shell.file) return startInGroup({ ...program, ...inheritance });
  try {
    return startInGroup({ ...program, ...inheritance });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return startInGroup({ ...shell, ...inheritance });
  }
}

/** A plugin's output: the first bytes of it, and whether more can come. */
export interface Output {
  kept: Uint8Array;
  open: boolean;
}

/** Whether further output would only be dropped. */
export function isFull({ kept }: Output): boolean {
  return kept.byteLength >= KEPT_OUTPUT;
}

/** The output of a plugin that has not written anything yet. */
export function newOutput(): Output {
  return { kept: new Uint8Array(0), open: true };
}

/** How much is read at a time, in bytes; hardly a plugin writes more. */
const arrived = new Uint8Array(8192);

/**
 * Reads what is there; what there is no room for is dropped.
 * @returns Whether there was anything; without any, a blocking descriptor is waited for.
 */
export function readOutput(output: Output, fd: number): boolean {
  const count = readInto(fd, arrived);
  if (count === -Errno.EAGAIN) return false;
  if (count <= 0) {
    output.open = false;
    return false;
  }
  const room = KEPT_OUTPUT - output.kept.byteLength;
  if (room > 0) {
    const all = new Uint8Array(output.kept.byteLength + (count < room ? count : room));
    all.set(output.kept);
    all.set(arrived.subarray(0, all.byteLength - output.kept.byteLength), output.kept.byteLength);
    output.kept = all;
  }
  return true;
}
