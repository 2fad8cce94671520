import { encodeBytes } from "../bytes.ts";
import { printable } from "../log.ts";
import { openFlags } from "./architecture.ts";
import { bindLibc, openFile, SystemError, writeAll } from "./libc.ts";
import { Stdio } from "./linux.ts";

const { O_WRONLY, O_NONBLOCK, O_NOCTTY, O_CLOEXEC } = openFlags;

/** Whether a descriptor is a terminal, by isatty(3). */
export function isTerminal(fd: number): boolean {
  return bindLibc({ isatty: { args: ["i32"], returns: "i32" } }).isatty(fd) === 1;
}

/** Whether standard output takes colours: a terminal, unless NO_COLOR is set. */
export function wantsColour(): boolean {
  return !process.env["NO_COLOR"] && isTerminal(Stdio.output);
}

/**
 * Opens the terminal of a descriptor again, such that writes do not block while its output is stopped.
 * @returns The descriptor itself where the terminal is another user's; undefined where it is none.
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

/** Prints a message with the characters that a log line may have. */
export function printLine(fd: number, message: string): void {
  printPrintable(fd, `nrpe: ${printable(message)}`);
}

/** Prints a line of printable text. */
export function printPrintable(fd: number, line: string): void {
  writeAll(fd, encodeBytes(`${line}\n`));
}
