/**
 * Checks of the permissions of the files that decide about access.
 */
import { findAccount } from "../../system/account.ts";
import { groupsOf } from "../../system/act_as.ts";
import { exposuresOf } from "../../system/exposure.ts";
import { type Problem, problem } from "../../wrappers/lint/finding.ts";

/** Owner, group and permissions of a file, as in stat(2). */
interface FileMode {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A user and its groups. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** The primary group first. */
  readonly gids: readonly number[];
}

/** What a file is: one of the tables, or a pattern file. */
export type FileRole = "allow" | "deny" | "file";

/**
 * What is wrong with the permissions of a file.
 *
 * @param agent The user that the agent runs as; undefined if that is not known.
 */
export function lintMode(
  file: string,
  role: FileRole,
  { uid, gid, mode }: FileMode,
  agent: User | undefined,
): readonly Problem[] {
  const problems: Problem[] = [];
  if (mode & 0o002) problems.push(problem("writable-by-others", { file }));
  else if (mode & 0o020 && gid !== 0) {
    problems.push(problem("writable-by-group", { file, group: gid }));
  }
  if (mode & 0o004) return problems;
  if (agent === undefined) problems.push(problem(`not-readable-by-all/${role}`, { file }));
  else if (!mayRead(agent, { uid, gid, mode })) {
    problems.push(problem(`unreadable-for-agent/${role}`, { file, user: agent.name }));
  }
  return problems;
}

/**
 * Who may change a file in another way than by its mode: its owner, and whoever may change a directory or
 * a link on the way.
 */
export function lintWay(file: string, agent: User | undefined): readonly Problem[] {
  const owner = agent === undefined ? undefined : { uid: agent.uid, gid: agent.gids[0] ?? -1 };
  return exposuresOf(file, owner).flatMap(({ by, path, isDirectory, who, fix }) => {
    if (by === "owner") return [problem("owned-by-other", { path, who, fix })];
    if (!isDirectory) return [];
    const values = { directory: path, who, fix };
    return by === "everyone"
      ? [problem("writable-by-others/directory", values)]
      : [problem("writable-by-group/directory", values)];
  });
}

function mayRead(agent: User, { uid, gid, mode }: FileMode): boolean {
  if (agent.uid === 0) return true;
  if (agent.uid === uid) return (mode & 0o400) !== 0;
  return agent.gids.includes(gid) && (mode & 0o040) !== 0;
}

/** The user of a name, with its groups; undefined where there is none. */
export function userNamed(name: string): User | undefined {
  const account = findAccount(name);
  if (account === undefined) return undefined;
  return { name, uid: account.uid, gids: groupsOf({ account, gid: account.gid }) };
}
