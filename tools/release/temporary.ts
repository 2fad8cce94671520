import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a directory that is removed when the process exits. */
export function makeTemporary(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `nrpe-${name}-`));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
