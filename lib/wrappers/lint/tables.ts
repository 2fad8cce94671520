/**
 * The tables themselves: what silently goes wrong in hosts.allow and hosts.deny.
 *
 * Lines, lists, patterns and options are read by the functions that decide; the checks look at what
 * these make of the text, and at what a person would have meant by it.
 */
import type { TableName, Tables } from "../find_rule.ts";
import {
  type Complaint,
  complaint,
  type LintFinding,
  placeInFile,
  type Report,
  type Suppressed,
} from "./finding.ts";
import { indentedComment, lintJoins, lintStart, missingColon } from "./line.ts";
import type { PatternFiles } from "./pattern_file.ts";
import { makePolicy, type Policy } from "./policy.ts";
import { first, lintRule, type LintSurroundings, type TableLint } from "./rule.ts";
import {
  lineAt,
  LONGEST_LINE,
  parseRule,
  type Rule,
  TABLE_START,
  type TablePlace,
} from "../table.ts";

/** What is wrong with the tables. */
export interface LintReport {
  /** In the order of the files and lines; those of a pattern file follow its table's. */
  readonly findings: readonly LintFinding[];
  /** How many rules each table has. */
  readonly rules: Readonly<Record<TableName, number>>;
  /** Those that are left out of `findings`. */
  readonly suppressed: readonly Suppressed[];
  /** The pattern files that were read. */
  readonly patternFiles: readonly string[];
}

/** Checks both tables, and the pattern files that they name. */
export function lintTables(tables: Tables, surroundings: LintSurroundings): LintReport {
  const policy = makePolicy();
  const files: PatternFiles = { read: tables.read, findings: [], seen: new Set() };
  const allow = lintTable("allow", tables, surroundings, policy, files);
  const deny = lintTable("deny", tables, surroundings, policy, files);
  policy.finish();
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

/** Findings of one code in one table above this number are only counted. */
const MOST_OF_A_KIND = 10_000;

interface TableReport {
  readonly findings: readonly LintFinding[];
  readonly suppressed: () => readonly Suppressed[];
  readonly rules: number;
}

function lintTable(
  table: TableName,
  tables: Tables,
  surroundings: LintSurroundings,
  policy: Policy,
  files: PatternFiles,
): TableReport {
  const path = tables[table];
  const file = tables.read(path);
  if (file.kind === "missing") return { findings: [], suppressed: () => [], rules: 0 };
  if (file.kind !== "text") {
    if (file.kind === "unreadable" && table === "deny") policy.deniesAll();
    const found = file.kind === "directory" ? DIRECTORY : cannotOpen(table, file.reason);
    const findings = [{ ...found, file: path, place: undefined }];
    return { findings, suppressed: () => [], rules: 0 };
  }
  const lint: TableLint = {
    table,
    path,
    text: file.text,
    surroundings,
    policy,
    files,
    once: new Set(),
    findings: [],
    counts: new Map(),
  };
  return {
    rules: lintLines(lint),
    findings: lint.findings,
    suppressed: () =>
      [...lint.counts].flatMap(([code, { severity, count }]) =>
        count > MOST_OF_A_KIND
          ? [{ file: path, code, severity, count: count - MOST_OF_A_KIND }]
          : []
      ),
  };
}

const DIRECTORY = complaint(
  "error",
  "table-is-directory",
  "this is a directory: it counts as an empty table, and nothing says so",
);

function cannotOpen(table: TableName, reason: string): Complaint {
  return complaint(
    "error",
    "cannot-open",
    `cannot open: ${reason}; ${
      table === "allow" ? "it counts as empty" : "everyone who comes to it is denied"
    }`,
  );
}

function lintLines(lint: TableLint): number {
  const { text: file, table, policy } = lint;
  let rules = 0;
  for (let place = TABLE_START;;) {
    const line = lineAt(file, place);
    const report = reporter(lint, place);
    if (place.offset === 0) lintStart(file, report);
    if (line.kind === "end") return rules;
    if (line.kind !== "line") {
      if (table === "deny") policy.deniesAll();
      if (line.kind === "unfinished") reportUnfinished(lint, place, report);
      else report(TOO_LONG[table], 0, LONGEST_LINE);
      return rules;
    }
    const raw = file.slice(place.offset, line.next.offset);
    lintJoins(raw, line.text, report);
    reportCarriageReturn(lint, line.text, report);
    const rule = parseRule(line.text);
    if (rule.kind === "error") reportNoRule(lint, line.text, rule, report);
    if (rule.kind === "rule") {
      rules++;
      lintRule(lint, { text: line.text, line: line.line, rule, report });
    }
    place = line.next;
  }
}

/** Takes the complaints about a line. Of several errors at one place the first explains most. */
function reporter(lint: TableLint, start: TablePlace): Report {
  let wrong: Set<number> | undefined;
  return (found, at, length) => {
    const { code, severity } = found;
    if (severity === "error") {
      if (wrong?.has(at)) return;
      (wrong ??= new Set()).add(at);
    }
    const kind = lint.counts.get(code) ?? { severity, count: 0 };
    lint.counts.set(code, kind);
    if (++kind.count > MOST_OF_A_KIND) return;
    const place = placeInFile(lint.text, start, at, length);
    lint.findings.push({ ...found, file: lint.path, place });
  };
}

const TOO_LONG: Readonly<Record<TableName, Complaint>> = {
  allow: complaint(
    "error",
    "line-too-long",
    `a line of more than ${LONGEST_LINE} bytes: it and all lines behind it are not read`,
    "divide the rule, or move its patterns into a file and name that",
  ),
  deny: complaint(
    "error",
    "line-too-long",
    `a line of more than ${LONGEST_LINE} bytes: it and all lines behind it are not read, and ` +
      "everyone who comes to it is denied",
    "divide the rule, or move its patterns into a file and name that",
  ),
};

function reportUnfinished(lint: TableLint, place: TablePlace, report: Report): void {
  const rest = lint.text.slice(place.offset);
  const idle = /^[ \t\r]*(#|$)/.test(rest.replaceAll("\\\n", ""));
  const continued = rest.endsWith("\\\n");
  const text = rest.replaceAll("\\\n", "");
  const reason = continued
    ? "the file ends with a continued line"
    : "the file ends without a newline";
  report(
    complaint(
      lint.table === "allow" && idle ? "hint" : "error",
      "no-newline-at-end",
      lint.table === "deny"
        ? `${reason}: everyone who comes to this line is denied`
        : idle
        ? reason
        : `${reason}: this line is not read`,
      continued ? "take the last backslash away" : "end the last line with a newline",
    ),
    Math.max(0, text.length - 1),
    1,
  );
}

function reportCarriageReturn(lint: TableLint, text: string, report: Report): void {
  if (!text.endsWith("\r") || !first(lint, "carriage-return")) return;
  report(
    complaint(
      "warning",
      "carriage-return",
      "lines end as on Windows (CR LF): that does for plain rules, but not for continued ones",
      "save the file with plain newlines",
    ),
    text.length - 1,
    1,
  );
}

function reportNoRule(
  lint: TableLint,
  text: string,
  rule: Extract<Rule, { readonly kind: "error" }>,
  report: Report,
): void {
  if (rule.fatal) {
    if (lint.table === "deny") lint.policy.deniesAll();
    report(
      complaint(
        "error",
        "nul-byte",
        lint.table === "deny"
          ? "a NUL byte stands here: everyone who comes to this line is denied"
          : "a NUL byte stands here, and the line is skipped",
        "take it out; is this a text file?",
      ),
      text.indexOf("\0"),
      1,
    );
    return;
  }
  const start = text.length - text.trimStart().length;
  const found = indentedComment(text, false) ?? missingColon(text, lint.table);
  report(found, start, text.trim().length);
}
