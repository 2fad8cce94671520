import { decodeBytes } from "../bytes.ts";
import { bindLibc } from "./libc.ts";

/** One byte more than HOST_NAME_MAX, see gethostname(2). */
const NAME_SIZE = 65;

/** gethostname(2); `localhost` where no name is set. */
export function hostName(): string {
  const libc = bindLibc({ gethostname: { args: ["buffer", "u64"], returns: "i32" } });
  const name = new Uint8Array(NAME_SIZE);
  if (libc.gethostname(name, NAME_SIZE) !== 0) return "localhost";
  const end = name.indexOf(0);
  return decodeBytes(name, 0, end < 0 ? NAME_SIZE : end) || "localhost";
}
