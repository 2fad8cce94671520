/** Writes what is made from the code: `deno task docs`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { completionFiles } from "./completions.ts";
import { lintCodesPage, withLintCodes } from "./lint_codes.ts";
import { referencePage } from "./reference.ts";

const ROOT = join(import.meta.dir, "..");
const ACCESS_MANUAL = "deploy/man/nrpe-access.5";

/** The files with their contents, by their paths in the checkout. */
export function madeFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/lint-codes.md", lintCodesPage()],
    ["docs/reference.md", referencePage()],
    [ACCESS_MANUAL, withLintCodes(readFileSync(join(ROOT, ACCESS_MANUAL), "utf8"))],
    ...completionFiles(),
  ]);
}

if (import.meta.main) {
  for (const [path, text] of madeFiles()) writeFileSync(join(ROOT, path), text);
}
