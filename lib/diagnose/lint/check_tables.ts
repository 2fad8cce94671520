/**
 * `nrpe --check-access` without a client: checks the tables.
 */
import { encodeBytes } from "../../bytes.ts";
import { writeAll } from "../../system/libc.ts";
import { Stdio } from "../../system/linux.ts";
import { groupExists, userExists } from "../../system/account.ts";
import { pathBytes, statusOf } from "../../system/path_status.ts";
import type { TableName, Tables } from "../../wrappers/find_rule.ts";
import { fileFinding, type LintFinding, problem } from "../../wrappers/lint/finding.ts";
import type { HostQueries } from "../../wrappers/lint/host_queries.ts";
import { type LintReport, lintTables } from "../../wrappers/lint/tables.ts";
import { fileSystem } from "../starters/read_text.ts";
import { type FileRole, lintMode, lintWay, userNamed } from "./file_mode.ts";
import { findingJson, suppressedJson } from "./json.ts";
import { checkName } from "./names.ts";
import { type DaemonEntry, hostDaemons } from "./services.ts";
import { MAX_FINDINGS_PER_CODE, reportText } from "./text.ts";

const EXIT_NO_ERROR = 0;
const EXIT_ERROR = 1;

/** How the tables are checked. */
export interface LintOptions {
  /** The name that the agent has in the tables. */
  readonly daemon: string;
  readonly json: boolean;
  /** Whether host names in the tables are looked up. */
  readonly lookup: boolean;
  readonly colour: boolean;
  /** The tables that the command line or nrpe.cfg names, and that so should exist. */
  readonly named: readonly TableName[];
  /** The nrpe.cfg that is checked as well, and the findings in it. */
  readonly config:
    | { readonly file: string; readonly findings: readonly LintFinding[] }
    | undefined;
}

/** Checks the tables and prints what is wrong with them; returns the exit status. */
export function lintAccessTables(tables: Tables, options: LintOptions): number {
  const most = options.json ? undefined : MAX_FINDINGS_PER_CODE;
  const found = findInTables(tables, options, most);
  const text = options.json
    ? [...found.findings.map(findingJson), ...found.suppressed.map(suppressedJson)].join("")
    : reportText(found, tables, options.config?.file, options.colour);
  writeAll(Stdio.output, encodeBytes(text));
  return found.findings.some(({ severity }) => severity === "error") ? EXIT_ERROR : EXIT_NO_ERROR;
}

/**
 * Finds what is wrong with the tables, their files and the nrpe.cfg that is checked with them.
 *
 * @param mostPerCode The most findings of one code in one file that are listed; the others are counted.
 */
export function findInTables(
  tables: Tables,
  { daemon, lookup, named, config }: Pick<LintOptions, "daemon" | "lookup" | "named" | "config">,
  mostPerCode?: number,
): LintReport {
  let known: readonly DaemonEntry[] | undefined;
  let services: ReadonlySet<string> | undefined;
  const daemons = () => known ??= hostDaemons();
  const host: HostQueries = {
    agent: daemon,
    services: () =>
      services ??= new Set([
        daemon.toLowerCase(),
        ...daemons().map(({ name }) => name.toLowerCase()),
      ]),
    ask: (question) =>
      question.kind === "user account"
        ? userExists(question.name)
        : question.kind === "group account" && groupExists(question.name),
    directoryExists: (path) => statusOf(path)?.isDirectory() ?? false,
    ...(lookup ? { checkName } : {}),
  };
  const report = lintTables(tables, host, mostPerCode);
  const files = [
    ...lintTableFile(tables, "allow", named, daemons),
    ...lintTableFile(tables, "deny", named, daemons),
    ...report.patternFiles.flatMap((path) => lintModeOf(path, "file", daemons)),
  ];
  const findings = [...config?.findings ?? [], ...files, ...report.findings];
  return { ...report, findings };
}

/** The name of the agent in the files of inetd, xinetd and systemd. */
const AGENT = "nrpe";

function lintTableFile(
  tables: Tables,
  table: TableName,
  named: readonly TableName[],
  daemons: () => readonly DaemonEntry[],
): readonly LintFinding[] {
  const path = tables[table];
  const { kind } = tables.read(path);
  if (kind === "text") return lintModeOf(path, table, daemons);
  // Who made a link meant a file.
  return kind === "missing" && (named.includes(table) || isLink(path))
    ? [fileFinding(path, problem("missing-table"))]
    : [];
}

function isLink(path: string): boolean {
  try {
    fileSystem().readlinkSync(pathBytes(path));
    return true;
  } catch {
    return false;
  }
}

function lintModeOf(
  path: string,
  role: FileRole,
  daemons: () => readonly DaemonEntry[],
): readonly LintFinding[] {
  const status = statusOf(path);
  if (status === undefined || !status.isFile()) return [];
  const { user } = daemons().find(({ name, user }) => name === AGENT && user !== undefined) ?? {};
  const agent = user === undefined ? undefined : userNamed(user);
  const problems = [...lintMode(path, role, status, agent), ...lintWay(path, agent)];
  return problems.map((found) => fileFinding(path, found));
}
