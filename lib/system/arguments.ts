import { decodeBytes } from "../bytes.ts";
import { readFile } from "./libc.ts";

/** What the runtime makes of a byte that is not UTF-8 in an argument: U+FFFD, as its bytes. */
const LOST_BYTE = "\xef\xbf\xbd";

/** The arguments, read again from the kernel if the runtime has lost their bytes. */
export function exactArguments(args: readonly string[]): readonly string[] {
  for (const arg of args) {
    if (!arg.includes(LOST_BYTE)) continue;
    return decodeBytes(readFile("/proc/self/cmdline")).split("\0").slice(1, 1 + args.length);
  }
  return args;
}
