/**
 * `nrpe --check-access` without a client: what is wrong with the tables themselves.
 */
import { encodeBytes } from "../bytes.ts";
import { writeAll } from "../system/libc.ts";
import { groupExists, userExists } from "../system/names.ts";
import type { TableName, Tables } from "../wrappers/find_rule.ts";
import { type LintReport, lintTables } from "../wrappers/lint.ts";
import { complaint, type LintFinding } from "../wrappers/lint_finding.ts";
import type { FileRead } from "../wrappers/match_list.ts";
import { lintJson, suppressedJson } from "./lint_json.ts";
import { accountOf, type FileRole, lintMode } from "./lint_modes.ts";
import { checkName } from "./lint_names.ts";
import { type DaemonEntry, hostDaemons } from "./lint_services.ts";
import { lintText } from "./lint_text.ts";

const STDOUT = 1;
const EXIT_NO_ERROR = 0;
const EXIT_ERROR = 1;

/** How the findings are wanted. */
export interface LintOptions {
  /** The name that the agent has in the tables. */
  readonly daemon: string;
  readonly json: boolean;
  /** Whether the names in the tables are looked up. */
  readonly lookup: boolean;
  readonly colour: boolean;
  /** The tables that were named on the command line, and so should exist. */
  readonly named: readonly TableName[];
}

/** Checks the tables and prints what is wrong with them; returns the exit status. */
export function lintAccessTables(tables: Tables, options: LintOptions): number {
  const found = findAll(tables, options);
  const text = options.json
    ? [...found.findings.map(lintJson), ...found.suppressed.map(suppressedJson)].join("")
    : lintText(found, tables, options.colour);
  writeAll(STDOUT, encodeBytes(text));
  return found.findings.some(({ severity }) => severity === "error") ? EXIT_ERROR : EXIT_NO_ERROR;
}

function findAll(tables: Tables, { daemon, lookup, named }: LintOptions): LintReport {
  let daemons: readonly DaemonEntry[] | undefined;
  let services: ReadonlySet<string> | undefined;
  const daemonsOfHost = () => daemons ??= hostDaemons();
  const report = lintTables(tables, {
    ask: (question) =>
      question.kind === "user account"
        ? userExists(question.name)
        : question.kind === "group account" && groupExists(question.name),
    directoryExists: (path) => modeOf(path)?.isDirectory() ?? false,
    agent: daemon,
    services: () =>
      services ??= new Set([
        daemon.toLowerCase(),
        ...daemonsOfHost().map(({ name }) => name.toLowerCase()),
      ]),
    ...(lookup ? { checkName } : {}),
  });
  const modes = [
    ...lintTableFile(tables, "allow", named, daemonsOfHost),
    ...lintTableFile(tables, "deny", named, daemonsOfHost),
    ...report.patternFiles.flatMap((path) => lintModeOf(path, "pattern file", daemonsOfHost)),
  ];
  return { ...report, findings: [...modes, ...report.findings] };
}

/** The name of this agent where it is started from, unless it was given another. */
const AGENT = "nrpe";

function lintTableFile(
  tables: Tables,
  table: TableName,
  named: readonly TableName[],
  daemons: () => readonly DaemonEntry[],
): readonly LintFinding[] {
  const path = tables[table];
  const file: FileRead = tables.read(path);
  if (file.kind === "text") return lintModeOf(path, table, daemons);
  return file.kind === "missing" && named.includes(table)
    ? [{
      ...complaint("warning", "missing-table", "no such file: it counts as empty"),
      file: path,
      place: undefined,
    }]
    : [];
}

function lintModeOf(
  path: string,
  role: FileRole,
  daemons: () => readonly DaemonEntry[],
): readonly LintFinding[] {
  const mode = modeOf(path);
  if (mode === undefined || !mode.isFile()) return [];
  // Only a file that is not for everyone's eyes makes it matter who the agent is.
  const user = mode.mode & 0o004
    ? undefined
    : daemons().find(({ name, user }) => name === AGENT && user !== undefined)?.user;
  return lintMode(path, role, mode, user === undefined ? undefined : accountOf(user));
}

/** stat(2); node:fs is loaded here and not before, this being no conversation. */
function modeOf(path: string) {
  const bytes = Buffer.from(path, "latin1");
  return process.getBuiltinModule("node:fs").statSync(bytes, { throwIfNoEntry: false });
}
