/**
 * Checks hosts.allow and hosts.deny for mistakes that nothing else reports.
 *
 * The functions of the decision read the lines, lists, patterns and options; the checks compare what
 * they make of a rule with what its author probably meant.
 */
import type { TableName, Tables } from "../find_rule.ts";
import { lineAt, LONGEST_LINE, parseRule, TABLE_START, type TablePlace } from "../table.ts";
import type { Code } from "./catalogue.ts";
import {
  fileFinding,
  type LintFinding,
  type LintSeverity,
  placeInFile,
  problem,
  type ReportAt,
  type Suppressed,
} from "./finding.ts";
import type { HostQueries } from "./host_queries.ts";
import { indentedComment, lintJoins, lintStart, missingColon } from "./line.ts";
import type { PatternFiles } from "./pattern_file.ts";
import { makeRuleset, type Ruleset } from "./ruleset.ts";
import { lintRule, type RuleContext } from "./rule.ts";

/** What is wrong with the tables. */
export interface LintReport {
  /** In the order of files and lines: hosts.allow, hosts.deny, then pattern files. */
  readonly findings: readonly LintFinding[];
  /** The number of rules in each table. */
  readonly rules: Readonly<Record<TableName, number>>;
  /** Findings that are only counted. */
  readonly suppressed: readonly Suppressed[];
  /** The pattern files that were read. */
  readonly patternFiles: readonly string[];
}

/** Checks both tables, and the pattern files that they name. */
export function lintTables(tables: Tables, host: HostQueries): LintReport {
  const ruleset = makeRuleset();
  const files: PatternFiles = { read: tables.read, findings: [], seen: new Set() };
  const allow = lintTable("allow", tables, host, ruleset, files);
  const deny = lintTable("deny", tables, host, ruleset, files);
  ruleset.finish();
  const all = [...allow.findings, ...deny.findings, ...files.findings];
  return {
    findings: inOrder(all, [tables.allow, tables.deny, ...files.seen]),
    suppressed: [...allow.suppressed(), ...deny.suppressed()],
    rules: { allow: allow.rules, deny: deny.rules },
    patternFiles: [...files.seen],
  };
}

function inOrder(findings: LintFinding[], files: readonly string[]): readonly LintFinding[] {
  const rank = new Map([...files].reverse().map((file, at) => [file, -at]));
  const offset = ({ place }: LintFinding) => place === undefined ? -1 : place.lineStart;
  return findings.sort((one, other) =>
    (rank.get(one.file) ?? 0) - (rank.get(other.file) ?? 0) ||
    offset(one) - offset(other) ||
    (one.place?.column ?? 0) - (other.place?.column ?? 0)
  );
}

interface TableReport {
  readonly findings: readonly LintFinding[];
  /** Called after both tables have been read: a finding may be about an earlier line. */
  readonly suppressed: () => readonly Suppressed[];
  readonly rules: number;
}

function lintTable(
  table: TableName,
  tables: Tables,
  host: HostQueries,
  ruleset: Ruleset,
  files: PatternFiles,
): TableReport {
  const path = tables[table];
  const file = tables.read(path);
  if (file.kind === "unreadable" && table === "deny") ruleset.denyTheRest();
  if (file.kind !== "text") {
    const findings = file.kind === "directory"
      ? [fileFinding(path, problem("table-is-directory"))]
      : file.kind === "unreadable"
      ? [fileFinding(path, problem(`cannot-open/${table}`, { reason: file.reason }))]
      : [];
    return { findings, suppressed: () => [], rules: 0 };
  }
  const known = new Set<string>();
  const isFirst = (key: string) => known.size < known.add(key).size;
  const findings = collector(path, file.text);
  const context = { table, path, host, ruleset, files, isFirst };
  const rules = lintLines(file.text, context, findings.reportFrom);
  return { rules, findings: findings.listed, suppressed: findings.suppressed };
}

/** The most findings of one code in one table that are listed; the rest is counted. */
const MAX_LISTED_PER_CODE = 10_000;

/** Collects the findings of a table. */
function collector(file: string, text: string) {
  const listed: LintFinding[] = [];
  const counts = new Map<Code, { readonly severity: LintSeverity; count: number }>();
  return {
    listed,
    /** Reports about the line at `start`. Of errors at one offset only the first is kept. */
    reportFrom(start: TablePlace): ReportAt {
      let wrong: Set<number> | undefined;
      return (found, at, length) => {
        const { code, severity } = found;
        if (severity === "error") {
          if (wrong?.has(at)) return;
          (wrong ??= new Set()).add(at);
        }
        const kind = counts.get(code) ?? { severity, count: 0 };
        counts.set(code, kind);
        if (++kind.count > MAX_LISTED_PER_CODE) return;
        listed.push({ ...found, file, place: placeInFile(text, start, at, length) });
      };
    },
    suppressed: () =>
      [...counts].flatMap(([code, { severity, count }]) =>
        count > MAX_LISTED_PER_CODE
          ? [{ file, code, severity, count: count - MAX_LISTED_PER_CODE }]
          : []
      ),
  };
}

/** Checks the lines of a table and returns how many rules there are. */
function lintLines(
  file: string,
  context: RuleContext,
  reportFrom: (start: TablePlace) => ReportAt,
): number {
  const { table, ruleset } = context;
  let rules = 0;
  for (let place = TABLE_START;;) {
    const line = lineAt(file, place);
    const report = reportFrom(place);
    if (place.offset === 0) lintStart(file, report);
    if (line.kind === "end") return rules;
    if (line.kind !== "line") {
      if (table === "deny") ruleset.denyTheRest();
      if (line.kind === "unfinished") lintUnfinished(file.slice(place.offset), table, report);
      else report(problem(`line-too-long/${table}`), 0, LONGEST_LINE);
      return rules;
    }
    const { text } = line;
    lintJoins(file.slice(place.offset, line.next.offset), text, report);
    if (text.endsWith("\r") && context.isFirst("carriage-return")) {
      report(problem("carriage-return"), text.length - 1, 1);
    }
    const rule = parseRule(text);
    if (rule.kind === "rule") {
      rules++;
      lintRule(context, { text, line: line.line, rule }, report);
    } else if (rule.kind === "error" && rule.fatal) {
      if (table === "deny") ruleset.denyTheRest();
      report(problem(`nul-byte/${table}`), text.indexOf("\0"), 1);
    } else if (rule.kind === "error") {
      const found = indentedComment(text, "text") ?? missingColon(text, table);
      report(found, text.length - text.trimStart().length, text.trim().length);
    }
    place = line.next;
  }
}

function lintUnfinished(rest: string, table: TableName, report: ReportAt): void {
  const text = rest.replaceAll("\\\n", "");
  const kind = table === "deny" ? "deny" : /^[ \t\r]*(#|$)/.test(text) ? "comment" : "rule";
  const found = rest.endsWith("\\\n")
    ? problem(`no-newline-at-end/continued-${kind}`)
    : problem(`no-newline-at-end/${kind}`);
  report(found, Math.max(0, text.length - 1), 1);
}
