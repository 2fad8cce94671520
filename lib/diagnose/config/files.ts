/** The files that nrpe.cfg names, and whether the agent's user may read or write them. */

import type { Stats } from "node:fs";
import { readTableFile } from "../../access/table_files.ts";
import { byteStringOf } from "../../bytes.ts";
import type { Config, Position } from "../../config/config.ts";
import { type DirectiveName, TLS_FILES } from "../../config/settings.ts";
import { describeExposure, exposuresOf, readersOf } from "../../system/exposure.ts";
import { userAndGroup } from "../../system/libc.ts";
import { statusOf } from "../../system/path_status.ts";
import { holdsKey } from "../../tls/key_file.ts";
import { type FoundUser, groupNameOf, userNameOf } from "./agent_user.ts";
import { type CaseName, type PlacedProblem, problemAt } from "./catalogue.ts";
import type { AgentStart, AgentUser } from "./report.ts";

/** The directives that name the access tables. */
const TABLES = ["hosts_allow_file", "hosts_deny_file"] as const;

/** The directives that name a file which the agent writes. */
const WRITTEN = ["log_file", "pid_file", "tls_state_file", "metrics_file"] as const;

/** Checks the access tables, and the files that the agent writes. */
export function checkFiles(
  config: Config,
  found: FoundUser,
  start: AgentStart,
): readonly PlacedProblem[] {
  return [...checkTables(config, found), ...checkWritten(config, found, start)];
}

function checkTables(config: Config, { user, asAgent }: FoundUser): readonly PlacedProblem[] {
  if (!config.tcp_wrappers) return [];
  const problems: PlacedProblem[] = [];
  for (const directive of TABLES) {
    const file = config[directive];
    const named = config.positions.get(directive);
    const status = statusOf(file);
    const position = named ?? { file, line: 0 };
    if (status === undefined && named !== undefined && asAgent(() => !isThere(file))) {
      const consequence = directive === "hosts_allow_file" ? "grants nobody" : "refuses nobody";
      problems.push(problemAt(position, "table-missing", { directive, file, consequence }));
    } else if (status?.isFile()) {
      const content = asAgent(() => readTableFile(file));
      if (content.kind !== "unreadable") continue;
      const values = { user: userNameOf(user), file, reason: content.reason };
      problems.push(problemAt(position, "table-unreadable-for-agent", values));
    }
  }
  return problems;
}

function isThere(file: string): boolean {
  return process.getBuiltinModule("node:fs").existsSync(Buffer.from(file, "latin1"));
}

function checkWritten(
  config: Config,
  found: FoundUser,
  { mode, user: startedAs }: AgentStart,
): readonly PlacedProblem[] {
  const { user, asAgent } = found;
  // Started by root, the agent opens these files before it becomes its user.
  const byRoot = userAndGroup().uid === 0 && startedAs === undefined && mode !== "inetd";
  const settings = config as unknown as Readonly<Record<string, unknown>>;
  const problems: PlacedProblem[] = [];
  for (const directive of WRITTEN) {
    const file = settings[directive];
    const position = config.positions.get(directive as DirectiveName);
    if (typeof file !== "string" || position === undefined) continue;
    if (directive === "pid_file" && mode === "inetd") continue;
    // It is replaced as a whole.
    const replaced = directive === "metrics_file";
    const reason = asAgent(() => writingProblem(file, replaced));
    if (reason === undefined) continue;
    const fix = mendWriting(file, found, replaced);
    const values = { user: userNameOf(user), file, reason, fix };
    // A directory that does not exist stops root as well. The metrics are the agent's user's in any case.
    const rootToo = byRoot && !replaced && writingProblem(file, replaced) === undefined;
    const name: CaseName = rootToo ? "written-by-root-alone" : `unwritable/${directive}`;
    const problem = problemAt(position, name, values);
    // Only a daemon writes a pid file, and without a mode it may be none.
    const certain = problem.severity !== "error" || mode === "daemon";
    problems.push(certain ? problem : { ...problem, severity: "warning" });
  }
  return problems;
}

const W_OK = 2;
const X_OK = 1;

/**
 * Why this process could not open or create a file for writing, without trying.
 * @param replaced Whether another file takes its place, which depends on the directory alone.
 */
function writingProblem(file: string, replaced: boolean): string | undefined {
  const { accessSync } = process.getBuiltinModule("node:fs");
  const status = replaced ? undefined : statusOf(file);
  const directory = directoryOf(file);
  try {
    if (status === undefined) accessSync(Buffer.from(directory, "latin1"), W_OK | X_OK);
    else if (!status.isFile()) return "it is not a regular file";
    else accessSync(Buffer.from(file, "latin1"), W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as { readonly code?: string };
    const what = status === undefined ? `directory ${directory}` : "the file";
    switch (code) {
      case "ENOENT":
        return `there is no directory ${directory}`;
      case "EACCES":
        return `no permission to write to ${what}`;
      case "EROFS":
        return "the file system is read-only";
      default:
        return code ?? String(error);
    }
  }
}

function directoryOf(file: string): string {
  const slash = file.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : file.slice(0, slash);
}

function mendWriting(file: string, { user }: FoundUser, replaced: boolean): string {
  const directory = directoryOf(file);
  const owner = `-o ${userNameOf(user)} -g ${groupNameOf(user)}`;
  if (replaced && statusOf(directory) !== undefined) {
    return `setfacl -m u:${userNameOf(user)}:rwx ${directory}`;
  }
  const status = statusOf(file);
  if (status?.isFile()) return `chown ${userNameOf(user)} ${file}`;
  return statusOf(directory) === undefined || directory.startsWith("/run/")
    ? `install -d ${owner} ${directory}`
    : `install ${owner} -m 640 /dev/null ${file}`;
}

/** Checks that the agent's user may read the files of TLS. */
export function checkTlsFiles(
  config: Config,
  found: FoundUser,
  { mode, user: startedAs }: AgentStart,
): readonly PlacedProblem[] {
  const { user, asAgent } = found;
  const byRoot = userAndGroup().uid === 0 && startedAs === undefined && mode !== "inetd";
  const problems: PlacedProblem[] = [];
  const group = groupNameOf(user);
  for (const directive of TLS_FILES) {
    const file = config[directive];
    const position = config.positions.get(directive);
    const status = file === undefined ? undefined : statusOf(file);
    if (file === undefined || position === undefined || !status?.isFile()) continue;
    const content = asAgent(() => readTableFile(file));
    if (content.kind === "unreadable" && readTableFile(file).kind === "text") {
      const values = { user: userNameOf(user), group, file, reason: content.reason };
      const name = byRoot && mode === "daemon"
        ? "tls-unreadable-for-agent/daemon"
        : "tls-unreadable-for-agent";
      problems.push(problemAt(position, name, values));
    }
    problems.push(...checkKeyMode(file, directive, position, config, status, user));
  }
  return problems;
}

function checkKeyMode(
  file: string,
  directive: string,
  position: Position,
  config: Config,
  status: Stats,
  user: AgentUser | undefined,
): readonly PlacedProblem[] {
  const who = holdsKey(directive, config) ? readersOf(status, user) : undefined;
  if (who === undefined) return [];
  const mode = (status.mode & 0o7777).toString(8).padStart(4, "0");
  const values = { file, group: groupNameOf(user), mode, who };
  return [problemAt(position, "key-readable-by-others", values)];
}

/**
 * Checks who else may change the files that the configuration is made of.
 * @param files nrpe.cfg, and all files and directories that it includes.
 */
export function checkExposure(
  config: Config,
  file: string,
  files: Iterable<string>,
  { user }: FoundUser,
): readonly PlacedProblem[] {
  const whole = { file, line: 0 };
  const problems = new Map<string, PlacedProblem>();
  const check = (path: string, position: Position, name: CaseName) => {
    for (const exposure of exposuresOf(absolute(path), user)) {
      const values = { exposure: describeExposure(exposure), fix: exposure.fix };
      // What leads to several of them is said once.
      if (!problems.has(exposure.path)) {
        problems.set(exposure.path, problemAt(position, name, values));
      }
    }
  };
  for (const path of files) check(path, whole, "writable-by-others/config");
  for (const directive of TABLES) {
    if (!config.tcp_wrappers) continue;
    const position = config.positions.get(directive) ?? whole;
    check(config[directive], position, "writable-by-others/table");
  }
  for (const directive of TLS_FILES) {
    const path = config[directive];
    const position = config.positions.get(directive);
    if (!config.ssl_enabled || path === undefined || position === undefined) continue;
    check(path, position, "writable-by-others/tls");
  }
  return [...problems.values()];
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${byteStringOf(process.cwd())}/${path}`;
}
