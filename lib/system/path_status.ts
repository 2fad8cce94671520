/** Paths as node:fs takes them. No conversation comes this way, so node:fs may be loaded. */
import type { Stats } from "node:fs";

/** A path of a byte string as node:fs takes it. */
export function pathBytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

/** stat(2); undefined where it fails. */
export function statusOf(path: string): Stats | undefined {
  try {
    return process.getBuiltinModule("node:fs").statSync(pathBytes(path), { throwIfNoEntry: false });
  } catch {
    // A directory on the way is not one, or may not be searched.
    return undefined;
  }
}
