import { bindLibc } from "./libc.ts";

/** Whether a descriptor is a terminal, by isatty(3). */
export function isTerminal(fd: number): boolean {
  return bindLibc({ isatty: { args: ["i32"], returns: "i32" } }).isatty(fd) === 1;
}
