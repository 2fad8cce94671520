/**
 * `nrpe --check-access` without a client: checks the tables.
 */
import { encodeBytes } from "../../bytes.ts";
import { writeAll } from "../../system/libc.ts";
import { Stdio } from "../../system/linux.ts";
import { groupExists, userExists } from "../../system/account.ts";
import type { TableName, Tables } from "../../wrappers/find_rule.ts";
import { type LintFinding, problem, wholeFile } from "../../wrappers/lint/finding.ts";
import { type LintReport, lintTables } from "../../wrappers/lint/tables.ts";
import { type FileRole, fileUserOf, lintMode } from "./file_mode.ts";
import { lintJson, suppressedJson } from "./json.ts";
import { checkName } from "./names.ts";
import { type DaemonEntry, hostDaemons } from "./services.ts";
import { lintText } from "./text.ts";

const EXIT_NO_ERROR = 0;
const EXIT_ERROR = 1;

/** The options of the check. */
export interface LintOptions {
  /** The name that the agent has in the tables. */
  readonly daemon: string;
  readonly json: boolean;
  /** Whether names in the tables are looked up. */
  readonly lookup: boolean;
  readonly colour: boolean;
  /** The tables that the command line names, so that they should exist. */
  readonly named: readonly TableName[];
  /** An nrpe.cfg, and what was found in it, where one is to be checked as well. */
  readonly config:
    | { readonly file: string; readonly findings: readonly LintFinding[] }
    | undefined;
}

/** Checks the tables and prints what is wrong with them; returns the exit status. */
export function lintAccessTables(tables: Tables, options: LintOptions): number {
  const found = findAll(tables, options);
  const text = options.json
    ? [...found.findings.map(lintJson), ...found.suppressed.map(suppressedJson)].join("")
    : lintText(found, tables, options.config?.file, options.colour);
  writeAll(Stdio.output, encodeBytes(text));
  return found.findings.some(({ severity }) => severity === "error") ? EXIT_ERROR : EXIT_NO_ERROR;
}

function findAll(tables: Tables, { daemon, lookup, named, config }: LintOptions): LintReport {
  let known: readonly DaemonEntry[] | undefined;
  let services: ReadonlySet<string> | undefined;
  const daemons = () => known ??= hostDaemons();
  const report = lintTables(tables, {
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
  });
  const files = [
    ...lintTableFile(tables, "allow", named, daemons),
    ...lintTableFile(tables, "deny", named, daemons),
    ...report.patternFiles.flatMap((path) => lintModeOf(path, "file", daemons)),
  ];
  const findings = [...config?.findings ?? [], ...files, ...report.findings];
  return { ...report, findings };
}

/** The name of this agent in the tables, unless inetd starts it under another. */
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
  return kind === "missing" && named.includes(table)
    ? [wholeFile(path, problem("missing-table"))]
    : [];
}

function lintModeOf(
  path: string,
  role: FileRole,
  daemons: () => readonly DaemonEntry[],
): readonly LintFinding[] {
  const status = statusOf(path);
  if (status === undefined || !status.isFile()) return [];
  // The agent's user only matters if not everyone may read the file.
  const user = status.mode & 0o004
    ? undefined
    : daemons().find(({ name, user }) => name === AGENT && user !== undefined)?.user;
  const agent = user === undefined ? undefined : fileUserOf(user);
  return lintMode(path, role, status, agent).map((found) => wholeFile(path, found));
}

/** stat(2). node:fs is only loaded here, since no conversation needs it. */
function statusOf(path: string) {
  const bytes = Buffer.from(path, "latin1");
  return process.getBuiltinModule("node:fs").statSync(bytes, { throwIfNoEntry: false });
}
