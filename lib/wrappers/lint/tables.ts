/**
 * Checks hosts.allow and hosts.deny for mistakes that nothing else reports.
 *
 * The functions of the decision read the lines, lists, patterns and options; the checks compare what
 * they make of a rule with what its author probably meant.
 */
import type { TableName, Tables } from "../find_rule.ts";
import { lineAt, LONGEST_LINE, parseRule, TABLE_START, type TablePlace } from "../table.ts";
import { makeCollector } from "./collector.ts";
import {
  fileFinding,
  type LintFinding,
  problem,
  type ReportAt,
  type Suppressed,
  whereLookedUp,
} from "./finding.ts";
import type { HostQueries } from "./host_queries.ts";
import { indentedComment, lintJoins, lintStart, mergeMarker, missingColon } from "./line.ts";
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

/** The findings of one code in one file that are listed at most: no memory holds any number. */
const MOST_LISTED = 1_000_000;

/**
 * Checks both tables, and the pattern files that they name.
 *
 * @param most The most findings of one code in one file that are listed; the rest is counted.
 */
export function lintTables(tables: Tables, host: HostQueries, most = MOST_LISTED): LintReport {
  const ruleset = makeRuleset();
  const files: PatternFiles = { read: tables.read, most, collectors: new Map() };
  const allow = lintTable("allow", tables, host, ruleset, files);
  const deny = lintTable("deny", tables, host, ruleset, files);
  ruleset.finish();
  const patternFiles = [...files.collectors.keys()];
  const inFiles = [...files.collectors.values()];
  const all = [allow.findings, deny.findings, ...inFiles.map(({ listed }) => listed)];
  const findings = inOrder(all.flat(), [tables.allow, tables.deny, ...patternFiles]);
  return {
    findings: host.checkName === undefined ? findings : findings.map(whereLookedUp),
    suppressed: [allow, deny, ...inFiles].flatMap(({ suppressed }) => suppressed()),
    rules: { allow: allow.rules, deny: deny.rules },
    patternFiles,
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

/** The unknown daemons of a table for which a similar name is looked for. */
const MOST_COMPARED = 1000;

function lintTable(
  table: TableName,
  tables: Tables,
  host: HostQueries,
  ruleset: Ruleset,
  files: PatternFiles,
): TableReport {
  const path = tables[table];
  const file = tables.read(path);
  if (file.kind === "failed" || file.kind === "unreadable" && table === "deny") {
    ruleset.denyTheRest();
  }
  if (file.kind !== "text") {
    const findings = file.kind === "directory"
      ? [fileFinding(path, problem("table-is-directory"))]
      : file.kind === "unreadable"
      ? [fileFinding(path, problem(`cannot-open/${table}`, { reason: file.reason }))]
      : file.kind === "failed"
      ? [fileFinding(path, problem("cannot-open/failed", { reason: file.reason }))]
      : [];
    return { findings, suppressed: () => [], rules: 0 };
  }
  const isFirst = makeIsFirst();
  const findings = makeCollector(path, file.text, files.most);
  let compared = 0;
  const mayCompare = () => compared++ < MOST_COMPARED;
  const context = {
    ...{ table, path, host, ruleset, files },
    ...{
      isFirst,
      isNewDaemon: makeIsFirst(),
      mayCompare,
      soundDaemons: new Map<string, boolean>(),
    },
  };
  const rules = lintLines(file.text, context, findings.reportFrom);
  return { rules, findings: findings.listed, suppressed: findings.suppressed };
}

function makeIsFirst(): (key: string) => boolean {
  const known = new Set<string>();
  return (key) => known.size < known.add(key).size;
}

/** Checks the lines of a table and returns how many rules there are. */
function lintLines(
  file: string,
  context: RuleContext,
  reportFrom: (start: TablePlace) => ReportAt,
): number {
  const { table, ruleset } = context;
  let rules = 0;
  let isConflict = false;
  for (let place = TABLE_START;;) {
    const line = lineAt(file, place);
    const report = reportFrom(place);
    if (place.offset === 0) lintStart(file, report);
    if (line.kind === "end") return rules;
    if (line.kind !== "line") {
      if (table === "deny") ruleset.denyTheRest();
      if (line.kind === "unfinished") {
        const rest = file.slice(place.offset);
        lintUnfinished(rest, table, report);
        lintUnread(rest.replaceAll("\\\n", ""), place.line + 1, context, report);
      } else report(problem(`line-too-long/${table}`), 0, LONGEST_LINE);
      return rules;
    }
    const { text } = line;
    lintJoins(file.slice(place.offset, line.next.offset), text, report);
    if (text.endsWith("\r") && context.isFirst("carriage-return")) {
      report(problem("carriage-return"), text.length - 1, 1);
    }
    const rule = parseRule(text);
    const marker = mergeMarker(text, isConflict);
    if (marker !== undefined) {
      if (!isConflict) report(problem("merge-conflict"), 0, text.length);
      isConflict = marker !== "end";
    } else if (rule.kind === "rule") {
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

/** What is wrong besides with a last line that is not read: with a newline, that comes to light. */
function lintUnread(text: string, line: number, context: RuleContext, report: ReportAt): void {
  const rule = parseRule(text);
  const found: ReportAt = (problem, at, length) => {
    if (problem.severity === "error") report(problem, at, length);
  };
  // It counts for no other rule.
  if (rule.kind === "rule") {
    lintRule({ ...context, ruleset: makeRuleset() }, { text, line, rule }, found);
  } else if (rule.kind === "error" && !rule.fatal) {
    const missing = missingColon(text, context.table);
    found(missing, text.length - text.trimStart().length, text.trim().length);
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
