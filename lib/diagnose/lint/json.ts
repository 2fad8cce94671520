import { jsonLine } from "../../json_line.ts";
import type { PrintedFinding, Suppressed } from "../../wrappers/lint/finding.ts";

/** A finding as a line of JSON. Line and column are null where it is about the whole file. */
export function findingJson(finding: PrintedFinding): string {
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

/** Findings that are not listed, as one that counts them. */
export function suppressedJson({ file, code, severity, count }: Suppressed): string {
  const message = `${count} more of this kind are not listed`;
  return findingJson({ file, code, severity, message, place: undefined });
}
