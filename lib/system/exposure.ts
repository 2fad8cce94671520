/** Who may change a file beside root and the agent's user. No conversation comes this way. */
import type { Stats } from "node:fs";
import { decodeBytes } from "../bytes.ts";
import { accountOf, groupNameOfId, type Owner } from "./account.ts";
import { pathBytes } from "./path_status.ts";

/** A file, a directory or a symbolic link on the way to a file, and who may change it. */
export interface Exposure {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly by: "everyone" | "group" | "owner";
  /** `every user`, `the group NAME`, or `its owner NAME`. */
  readonly who: string;
  /** The command that ends it. */
  readonly fix: string;
}

const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
const ROOT = 0;
/** How many links are followed in a path, as by the kernel, see path_resolution(7). */
const MOST_LINKS = 40;

/**
 * Who may change what is at a path: write to the file, or replace it or something on the way, links
 * included. Access control lists count as far as the mode shows them, see acl(5). What cannot be looked
 * at, with what is behind it, counts for nothing.
 *
 * @param path An absolute path.
 * @param agent The agent's user and group, who may. If they are not known, owners and groups may.
 */
export function exposuresOf(path: string, agent: Owner | undefined): readonly Exposure[] {
  const exposures: Exposure[] = [];
  for (const { path: each, status } of wayTo(path)) {
    const exposure = exposureOf(each, status, agent);
    if (exposure !== undefined) exposures.push(exposure);
  }
  return exposures;
}

interface Step {
  readonly path: string;
  readonly status: Stats;
}

/** All that the kernel comes by when it looks up a path: directories, links, and at last the file. */
function wayTo(path: string): readonly Step[] {
  const { lstatSync, readlinkSync } = process.getBuiltinModule("node:fs");
  const steps: Step[] = [];
  let links = 0;
  let at = "";
  const ahead = path.split("/").reverse();
  try {
    steps.push({ path: "/", status: lstatSync("/") });
    while (ahead.length > 0) {
      const name = ahead.pop()!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
        continue;
      }
      const next = `${at}/${name}`;
      const status = lstatSync(pathBytes(next));
      steps.push({ path: next, status });
      if (!status.isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > MOST_LINKS) break;
      const target = decodeBytes(readlinkSync(pathBytes(next), { encoding: "buffer" }));
      ahead.push(...target.split("/").reverse());
      if (target.startsWith("/")) at = "";
    }
  } catch {
    // Nothing is there, or this process may not see it.
  }
  return steps;
}

function exposureOf(path: string, status: Stats, agent: Owner | undefined): Exposure | undefined {
  const { uid, gid, mode } = status;
  const isDirectory = status.isDirectory();
  if (agent !== undefined && uid !== ROOT && uid !== agent.uid) {
    const who = `its owner ${accountOf(uid).name ?? uid}`;
    const fix = status.isSymbolicLink() ? `chown -h root ${path}` : `chown root ${path}`;
    return { path, isDirectory, by: "owner", who, fix };
  }
  // The mode of a link says nothing. In a sticky directory only owners replace files.
  if (status.isSymbolicLink() || (isDirectory && (mode & STICKY) !== 0)) return undefined;
  if (!isDirectory && !status.isFile()) return undefined;
  if ((mode & WRITABLE_BY_ALL) !== 0) {
    return { path, isDirectory, by: "everyone", who: "every user", fix: `chmod o-w ${path}` };
  }
  const foreign = agent !== undefined && gid !== ROOT && gid !== agent.gid;
  if ((mode & WRITABLE_BY_GROUP) === 0 || !foreign) return undefined;
  const who = `the group ${groupNameOfId(gid) ?? gid}`;
  return { path, isDirectory, by: "group", who, fix: `chmod g-w ${path}` };
}

/** `every user may change FILE`, for messages. */
export function describeExposure({ who, path, isDirectory }: Exposure): string {
  return `${who} may change ${isDirectory ? "what is in the directory " : ""}${path}`;
}

const READABLE_BY_GROUP = 0o040;
const READABLE_BY_ALL = 0o004;

/** Who may read a file beside root and the agent's user and group: `every user` or `the group NAME`. */
export function readersOf({ gid, mode }: Stats, agent: Owner | undefined): string | undefined {
  if ((mode & READABLE_BY_ALL) !== 0) return "every user";
  const foreign = agent !== undefined && gid !== ROOT && gid !== agent.gid;
  if ((mode & READABLE_BY_GROUP) === 0 || !foreign) return undefined;
  return `the group ${groupNameOfId(gid) ?? gid}`;
}
