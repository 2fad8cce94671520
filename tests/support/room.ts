import { chmodSync, copyFileSync, linkSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The checkout. */
export const ROOT = join(import.meta.dir, "..", "..");

/** The compiled agent, as `deno task build` leaves it. */
export const BINARY = join(ROOT, "dist", "nrpe");

/** A directory of a test's own, which every user can read; gone when the test is over. */
export interface Room extends Disposable {
  readonly path: string;
  /** The agent, where every user can run it. */
  readonly binary: string;
  /** Writes a file and returns its path. */
  file(name: string, content: string | Uint8Array, mode?: number): string;
}

/**
 * Makes a room; to be disposed of, or bound with `using`.
 * @param source The file of the agent.
 */
export function makeRoom(source = BINARY): Room {
  const path = mkdtempSync(join(tmpdir(), "nrpe-test-"));
  chmodSync(path, 0o755);
  const binary = join(path, "nrpe");
  try {
    linkSync(source, binary);
  } catch {
    // On another file system; there its 100 MB take their time.
    copyFileSync(source, binary);
  }
  return {
    path,
    binary,
    file(name, content, mode = 0o644) {
      const file = join(path, name);
      writeFileSync(file, content);
      chmodSync(file, mode);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
