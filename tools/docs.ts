/** Writes what is made from the code: `deno task docs`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../lib/version.ts";
import { completionFiles } from "./completions.ts";
import { lintCodesPage, withLintCodes } from "./lint_codes.ts";
import { referencePage } from "./reference.ts";
import { noticesText } from "./release/libraries.ts";

const ROOT = join(import.meta.dir, "..");
const ACCESS_MANUAL = "deploy/man/nrpe-access.5";

/** What an agent answers that says its version. 2, 3 and 4 are the C agent's. */
const ANSWER = /\bNRPE v(?![234]\.)\d+\.\d+\.\d+\b/g;

/** The files with their contents, by their paths in the checkout. */
export function madeFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...pages().map((path) => [path, withVersion(readText(path))] as const),
    ["docs/lint-codes.md", lintCodesPage()],
    ["docs/reference.md", referencePage()],
    ["deploy/NOTICES", noticesText()],
    [ACCESS_MANUAL, withLintCodes(readText(ACCESS_MANUAL))],
    ...completionFiles(),
  ]);
}

/** The pages that show the agent's version. */
function pages(): readonly string[] {
  const names = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md")).sort();
  return ["README.md", ...names.map((name) => `docs/${name}`)];
}

const readText = (path: string) => readFileSync(join(ROOT, path), "utf8");

const withVersion = (page: string) => page.replaceAll(ANSWER, `NRPE v${VERSION}`);

if (import.meta.main) {
  for (const [path, text] of madeFiles()) writeFileSync(join(ROOT, path), text);
}
