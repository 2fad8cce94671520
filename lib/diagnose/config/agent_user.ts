/** The user that the agent runs as, and questions to the kernel on behalf of that user. */
import type { Config } from "../../config/config.ts";
import { identityOf } from "../../serve/agent_identity.ts";
import {
  type Account,
  accountOf,
  findAccount,
  findGroup,
  groupNameOfId,
} from "../../system/account.ts";
import { actAs, type Actor } from "../../system/act_as.ts";
import { userAndGroup } from "../../system/libc.ts";
import { hostDaemons } from "../lint/services.ts";
import { type PlacedProblem, problemAt } from "./catalogue.ts";
import type { AgentStart, AgentUser } from "./report.ts";

/** The user of an agent, as far as it is known. */
export interface FoundUser {
  readonly user: AgentUser | undefined;
  readonly problems: readonly PlacedProblem[];
  /** The user as the kernel needs it. */
  readonly actor: Actor | undefined;
  /**
   * Calls a function with the rights of the agent's user; with those of this process where they are not
   * known or cannot be had.
   */
  readonly asAgent: <Result>(act: () => Result) => Result;
}

/** The name of the agent in the files of inetd, xinetd and systemd. */
const AGENT = "nrpe";
const DEFAULT_USER = { name: "nagios", group: "nagios" };

/** Finds the agent's user by how it is started, by nrpe.cfg, and by the files of inetd and systemd. */
export function findAgentUser(config: Config, file: string, start: AgentStart): FoundUser {
  const whole = { file, line: 0 };
  const own = userAndGroup();
  if (start.user !== undefined) return fromName(start.user, start.group, "its start", whole);
  const named = config.positions.get("nrpe_user");
  if (own.uid !== 0) {
    const account = accountOf(own.uid);
    const agent = start.mode === "inetd" ? undefined : config.nrpe_user;
    const other = agent !== undefined && findAccount(agent)?.uid !== own.uid && named !== undefined
      ? [problemAt(named, "other-user", { user: nameOf(account), agent })]
      : [];
    return found({ account, gid: own.gid }, "the caller", other);
  }
  if (start.mode !== "inetd" && (config.nrpe_user !== undefined || start.mode === "daemon")) {
    const identity = identityOf(config);
    if (identity.kind === "identity") {
      const { become, gid } = identity.identity;
      return found({ account: become!, gid }, "nrpe_user", []);
    }
    const position = named ?? config.positions.get("nrpe_group") ?? whole;
    return unknown([
      problemAt(position, "agent-user", { reason: identity.reason, fix: mendUser(config) }),
    ]);
  }
  const starter = hostDaemons().find(({ name, user }) => name === AGENT && user !== undefined);
  if (starter?.user !== undefined) {
    return fromName(starter.user, undefined, "the line of inetd, xinetd or systemd", whole);
  }
  return start.mode === "inetd" && config.nrpe_user !== undefined
    ? fromName(config.nrpe_user, config.nrpe_group, "nrpe_user", whole)
    : unknown([problemAt(whole, "agent-user-unset")]);
}

/** What makes the user and the group of nrpe.cfg exist, where they do not. */
function mendUser({ nrpe_user: user, nrpe_group: group }: Config): string {
  const add = "useradd --system --no-create-home --shell /usr/sbin/nologin";
  const isNew = (name: string) => /^[a-z_][a-z0-9_-]*$/.test(name);
  if (user !== undefined && isNew(user) && findAccount(user) === undefined) {
    const known = group !== undefined && group !== user && findGroup(group) !== undefined;
    return known ? `${add} --gid ${group} ${user}` : `${add} ${user}`;
  }
  return group !== undefined && isNew(group) && findGroup(group) === undefined
    ? `groupadd --system ${group}`
    : "nrpe_user=nagios and nrpe_group=nagios, or another user that exists and is not root";
}

function fromName(
  user: string,
  group: string | undefined,
  from: string,
  whole: { readonly file: string; readonly line: number },
): FoundUser {
  const account = findAccount(user);
  if (account === undefined) return unknown([problemAt(whole, "agent-user-unknown", { user })]);
  const gid = group === undefined ? account.gid : findGroup(group);
  if (gid === undefined) {
    return unknown([problemAt(whole, "agent-group-unknown", { group: group! })]);
  }
  if (account.uid === 0) return unknown([problemAt(whole, "agent-user-root", { from })]);
  return found({ account, gid }, from, []);
}

function unknown(problems: readonly PlacedProblem[]): FoundUser {
  return { user: undefined, problems, actor: undefined, asAgent: (act) => act() };
}

function found(actor: Actor, from: string, problems: readonly PlacedProblem[]): FoundUser {
  const { account, gid } = actor;
  return {
    user: { name: nameOf(account), uid: account.uid, gid, from },
    problems,
    actor,
    asAgent<Result>(act: () => Result): Result {
      const done = actAs(actor, () => ({ result: act() }));
      return done === undefined ? act() : done.result;
    },
  };
}

function nameOf({ name, uid }: Account): string {
  return name ?? String(uid);
}

/** The user for messages where none is known. */
export function userNameOf(user: AgentUser | undefined): string {
  return user?.name ?? DEFAULT_USER.name;
}

/** The group for suggestions. */
export function groupNameOf(user: AgentUser | undefined): string {
  if (user === undefined) return DEFAULT_USER.group;
  return groupNameOfId(user.gid) ?? String(user.gid);
}
