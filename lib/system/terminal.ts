import { encodeBytes } from "../bytes.ts";
import { printable } from "../log.ts";
import { openFlags } from "./architecture.ts";
import { bindLibc, openFile, SystemError, writeAll } from "./libc.ts";

const { O_WRONLY, O_NONBLOCK, O_NOCTTY, O_CLOEXEC } = openFlags;

/** Whether a descriptor is a terminal, by isatty(3). */
export function isTerminal(fd: number): boolean {
  return bindLibc({ isatty: { args: ["i32"], returns: "i32" } }).isatty(fd) === 1;
}

/**
 * Opens the terminal of a descriptor once more, such that writing does not wait where somebody has
 * stopped the terminal. One of another user cannot be opened; then it is the descriptor itself.
 * @returns undefined where the descriptor is no terminal.
 */
export function openTerminal(fd: number): number | undefined {
  if (!isTerminal(fd)) return undefined;
  try {
    return openFile(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return fd;
  }
}

/** Prints a line for people, as harmless as one of the log. */
export function printLine(fd: number, message: string): void {
  writeAll(fd, encodeBytes(`nrpe: ${printable(message)}\n`));
}
