import { bindLater, cString } from "./libc.ts";

const libc = bindLater({
  getxattr: { args: ["buffer", "buffer", "ptr", "u64"], returns: "i64" },
});

/** Whether a file has capabilities, see `File capabilities` in capabilities(7). */
export function hasFileCapabilities(path: string): boolean {
  return Number(libc().getxattr(cString(path), cString("security.capability"), null, 0n)) > 0;
}
