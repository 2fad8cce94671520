import { jsonLine } from "../../json_line.ts";
import type { LintFinding, Suppressed } from "../../wrappers/lint/finding.ts";

/** A finding as one line of JSON. Line and column are null if it is about the whole file. */
export function lintJson(finding: LintFinding): string {
  const { file, place, severity, code, message, suggestion } = finding;
  return jsonLine({
    file,
    line: place?.line ?? null,
    column: place?.column ?? null,
    severity,
    code,
    message,
    suggestion: suggestion ?? null,
  });
}

/** The number of findings that are not listed, as a finding. */
export function suppressedJson({ file, code, severity, count }: Suppressed): string {
  const message = `${count} more of this kind are not listed`;
  return lintJson({ file, code, severity, message, place: undefined });
}
