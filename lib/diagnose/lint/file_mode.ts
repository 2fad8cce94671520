/**
 * Who may write and read the files that decide about access.
 */
import { readTableFile } from "../../system/table_files.ts";
import { complaint, type LintFinding } from "../../wrappers/lint/finding.ts";

/** Owner, group and permissions of a file, as stat(2) has them. */
export interface FileMode {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A user and all groups that it is in. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gids: readonly number[];
}

/** Who a file is for. */
export type FileRole = "allow" | "deny" | "pattern file";

/**
 * What is wrong with the permissions of a file.
 *
 * @param agent The user that the agent runs as, undefined if nobody knows.
 */
export function lintMode(
  path: string,
  role: FileRole,
  { uid, gid, mode }: FileMode,
  agent: Account | undefined,
): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  const report = (...found: Parameters<typeof complaint>) =>
    findings.push({ ...complaint(...found), file: path, place: undefined });
  if (mode & 0o002) {
    report(
      "error",
      "writable-by-others",
      "every user of this host may write this file, and so decide who gets in",
      `chmod o-w ${path}`,
    );
  } else if (mode & 0o020 && gid !== 0) {
    report(
      "warning",
      "writable-by-group",
      `the group ${gid} may write this file, and so decide who gets in`,
      `chmod g-w ${path}`,
    );
  }
  if (mode & 0o004) return findings;
  const consequence = {
    allow: "for it the table counts as empty",
    deny: "it refuses everyone who comes to this table",
    "pattern file": "for it the pattern matches nobody",
  }[role];
  if (agent === undefined) {
    report(
      "hint",
      "not-readable-by-all",
      `not every user may read this file; if the agent's user may not, ${consequence}`,
      `chmod o+r ${path}`,
    );
  } else if (!mayRead(agent, { uid, gid, mode })) {
    report(
      "error",
      "unreadable-for-agent",
      `the agent runs as ${agent.name}, who may not read this file: ${consequence}`,
      `chmod o+r ${path}`,
    );
  }
  return findings;
}

function mayRead(agent: Account, { uid, gid, mode }: FileMode): boolean {
  if (agent.uid === 0) return true;
  if (agent.uid === uid) return (mode & 0o400) !== 0;
  return agent.gids.includes(gid) && (mode & 0o040) !== 0;
}

/** The account of a user in /etc/passwd and /etc/group; undefined if it isn't there. */
export function accountOf(name: string): Account | undefined {
  const entry = entries("/etc/passwd").find(([user]) => user === name);
  if (entry === undefined) return undefined;
  const groups = entries("/etc/group").filter(([, , , members]) =>
    members?.split(",").includes(name)
  );
  return {
    name,
    uid: Number(entry[2]),
    gids: [Number(entry[3]), ...groups.map(([, , gid]) => Number(gid))],
  };
}

function entries(path: string): readonly (readonly string[])[] {
  const file = readTableFile(path);
  return file.kind === "text" ? file.text.split("\n").map((line) => line.split(":")) : [];
}
