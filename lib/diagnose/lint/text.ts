import { printable } from "../../log.ts";
import type { Tables } from "../../wrappers/find_rule.ts";
import type { LintFinding, LintSeverity, PrintedFinding } from "../../wrappers/lint/finding.ts";
import type { LintReport } from "../../wrappers/lint/tables.ts";
import type { FileReader } from "../../wrappers/match_list.ts";

/** The most findings of one code in one file that are printed; the rest is counted. */
const MAX_PRINTED_PER_CODE = 20;
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
  const shown = new Map<string, number>();
  const hidden = new Map(
    report.suppressed.map(({ file, code, count }) => [`${code}\0${file}`, count]),
  );
  const parts: string[] = [];
  for (const finding of report.findings) {
    const kind = `${finding.code}\0${finding.file}`;
    const count = (shown.get(kind) ?? 0) + 1;
    shown.set(kind, count);
    if (count <= MAX_PRINTED_PER_CODE) parts.push(findingText(finding, tables.read, colour));
  }
  for (const [kind, count] of shown) {
    const [code, file] = kind.split("\0") as [string, string];
    const more = count + (hidden.get(kind) ?? 0) - MAX_PRINTED_PER_CODE;
    if (more > 0) parts.push(`${printable(file)}: ${more} more of [${code}]\n`);
  }
  parts.push(summary(report, tables, config));
  return parts.join("\n");
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
