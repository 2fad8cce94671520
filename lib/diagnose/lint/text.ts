import { printable } from "../../log.ts";
import type { Tables } from "../../wrappers/find_rule.ts";
import type { LintFinding, LintSeverity, PrintedFinding } from "../../wrappers/lint/finding.ts";
import type { LintReport } from "../../wrappers/lint/tables.ts";
import type { FileReader } from "../../wrappers/match_list.ts";

/** More findings of one code in one file than this are counted, with examples. */
const MAX_PRINTED_PER_CODE = 5;
const EXAMPLES = 3;
/** The most line numbers that stand beside a count. */
const MAX_LINE_NUMBERS = 20;
/** The most findings of one code in one file that a text needs. */
export const MAX_FINDINGS_PER_CODE = EXAMPLES + MAX_LINE_NUMBERS;
/** The longest part of a line that is printed, in bytes. */
const MAX_SOURCE_WIDTH = 96;

const COLOURS: Readonly<Record<LintSeverity, number>> = { error: 31, warning: 33, hint: 36 };

/**
 * Findings as a compiler prints them: the place, the message, the marked line, the suggestion.
 *
 * @param config The path of the nrpe.cfg that was checked as well.
 */
export function reportText(
  report: LintReport,
  tables: Tables,
  config: string | undefined,
  colour: boolean,
): string {
  const kindOf = ({ code, file }: Pick<LintFinding, "code" | "file">) => `${code}\0${file}`;
  const kinds = new Map<string, LintFinding[]>();
  for (const finding of report.findings) {
    const kind = kinds.get(kindOf(finding));
    if (kind === undefined) kinds.set(kindOf(finding), [finding]);
    else kind.push(finding);
  }
  const hidden = new Map(report.suppressed.map((kind) => [kindOf(kind), kind.count]));
  const shown = new Map<readonly LintFinding[], number>();
  const parts: string[] = [];
  for (const finding of report.findings) {
    const alike = kinds.get(kindOf(finding))!;
    const count = alike.length + (hidden.get(kindOf(finding)) ?? 0);
    if (count > MAX_PRINTED_PER_CODE) {
      if (finding === alike[0]) parts.push(countText(alike, count));
      const before = shown.get(alike) ?? 0;
      shown.set(alike, before + 1);
      if (before >= EXAMPLES) continue;
    }
    parts.push(findingText(finding, tables.read, colour));
  }
  parts.push(summary(report, tables, config));
  return parts.join("\n");
}

/** One line for findings of one code in one file, of which a few examples follow. */
function countText(findings: readonly LintFinding[], count: number): string {
  const [{ file, code }] = findings as [LintFinding];
  const others = findings.slice(EXAMPLES, MAX_FINDINGS_PER_CODE);
  const lines = [...new Set(others.map(({ place }) => place?.line))];
  const more = count - EXAMPLES - others.length;
  const rest = more === 0 ? "" : ` and ${more} more`;
  return `${printable(file)}: ${count} findings of [${code}]: ${EXAMPLES} examples follow; ` +
    `also at lines ${lines.join(", ")}${rest} (--json prints each)\n`;
}

/** A finding: its place and message, the marked line, the suggestion. */
export function findingText(finding: PrintedFinding, read: FileReader, colour: boolean): string {
  const { file, place, severity, code, message, suggestion } = finding;
  const where = place === undefined ? file : `${file}:${place.line}:${place.column}`;
  const paint = (text: string, style: string) => colour ? `\x1b[${style}m${text}\x1b[0m` : text;
  const kind = paint(severity, `1;${COLOURS[severity]}`);
  let text = `${paint(printable(where), "1")}: ${kind}: ${printable(message)} [${code}]\n`;
  if (place !== undefined) {
    const source = sourceText(finding, place, read);
    if (source !== undefined) {
      const mark = paint(source.mark, `1;${COLOURS[severity]}`);
      text += `${String(place.line).padStart(6)} | ${source.line}\n       | ${mark}\n`;
    }
  }
  if (suggestion !== undefined) text += `       = ${printable(suggestion)}\n`;
  return text;
}

/** The line, or the part of it that the finding is about, and the mark below. */
function sourceText(
  { file }: Pick<LintFinding, "file">,
  { lineStart, column, length }: NonNullable<LintFinding["place"]>,
  read: FileReader,
): { readonly line: string; readonly mark: string } | undefined {
  const content = read(file);
  if (content.kind !== "text") return undefined;
  const newline = content.text.indexOf("\n", lineStart);
  const end = newline < 0 ? content.text.length : newline;
  // A long line is shown from a little before the mark.
  const cutsStart = end - lineStart > MAX_SOURCE_WIDTH && column > MAX_SOURCE_WIDTH / 2;
  const start = cutsStart ? lineStart + column - 1 - MAX_SOURCE_WIDTH / 4 : lineStart;
  const cutsEnd = end - start > MAX_SOURCE_WIDTH;
  const piece = content.text.slice(start, cutsEnd ? start + MAX_SOURCE_WIDTH : end);
  const lead = cutsStart ? "..." : "";
  const before = lineStart + column - 1 - start;
  const marked = Math.max(1, Math.min(length, piece.length - before));
  return {
    line: lead + printable(piece.replaceAll("\t", " ").replace(/\r$/, " ")).trimEnd() +
      (cutsEnd ? "..." : ""),
    mark: " ".repeat(lead.length + before) + "^".repeat(marked),
  };
}

function summary(
  { findings, suppressed, rules }: LintReport,
  tables: Tables,
  config: string | undefined,
): string {
  const counts = (["error", "warning", "hint"] as const).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length +
      suppressed.reduce((sum, of) => of.severity === severity ? sum + of.count : sum, 0);
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
  });
  const files = (["allow", "deny"] as const).map((table) => {
    const file = tables.read(tables[table]);
    const size = file.kind === "missing"
      ? "no such file"
      : file.kind === "text"
      ? `${rules[table]} ${rules[table] === 1 ? "rule" : "rules"}`
      : "not read";
    return `${printable(tables[table])} (${size})`;
  });
  const also = config === undefined ? "" : `${printable(config)}, `;
  return `${counts.join(", ") || "No findings"} in ${also}${files.join(" and ")}\n`;
}
