import type { LintFinding, Suppressed } from "../../wrappers/lint/finding.ts";
import { escapeUnlessUtf8 } from "../access_json.ts";

/** A finding as one line of JSON; line and column are null where it is about the whole file. */
export function lintJson(finding: LintFinding): string {
  const { file, place, severity, code, message, suggestion } = finding;
  const line = JSON.stringify({
    file,
    line: place?.line ?? null,
    column: place?.column ?? null,
    severity,
    code,
    message,
    suggestion: suggestion ?? null,
  });
  return `${escapeUnlessUtf8(line)}\n`;
}

/** How many findings of a kind are not listed, in the shape of a finding. */
export function suppressedJson({ file, code, severity, count }: Suppressed): string {
  const message = `${count} more of this kind are not listed`;
  return lintJson({ file, code, severity, message, place: undefined });
}
