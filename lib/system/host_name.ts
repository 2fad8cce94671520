import { decodeBytes } from "../bytes.ts";
import { bindLibc } from "./libc.ts";

/** One byte more than the longest name of Linux, see gethostname(2). */
const NAME_SIZE = 65;

/** This host's name, as the kernel has it; `localhost` where it has none. See gethostname(2). */
export function hostName(): string {
  const libc = bindLibc({ gethostname: { args: ["buffer", "u64"], returns: "i32" } });
  const name = new Uint8Array(NAME_SIZE);
  if (libc.gethostname(name, NAME_SIZE) !== 0) return "localhost";
  const end = name.indexOf(0);
  return decodeBytes(name, 0, end < 0 ? NAME_SIZE : end) || "localhost";
}
