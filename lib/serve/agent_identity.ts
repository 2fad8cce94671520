import type { UserVariables } from "../command/environment.ts";
import type { Config } from "../config/config.ts";
import { type Account, accountOf, findAccount, findGroup } from "../system/account.ts";
import { dropPrivileges } from "../system/drop_privileges.ts";
import { userAndGroup } from "../system/libc.ts";

/** The user and group that the agent runs as. */
export interface AgentIdentity {
  readonly uid: number;
  readonly gid: number;
  /** The user to become, which needs root's rights; undefined where the agent is that user already. */
  readonly become: Account | undefined;
}

/** An identity, perhaps with a warning, or why there is none. */
export type IdentityResult =
  | { readonly kind: "identity"; readonly identity: AgentIdentity; readonly doubt?: string }
  | { readonly kind: "failure"; readonly reason: string };

/** The identity that `nrpe_user` and `nrpe_group` name; an agent that is not root keeps its own. */
export function identityOf({ nrpe_user, nrpe_group }: Config): IdentityResult {
  const own = userAndGroup();
  // Without a name there is nothing to look up, and under inetd a client is waiting.
  const account = nrpe_user === undefined ? undefined : findAccount(nrpe_user);
  if (nrpe_user !== undefined && account === undefined) {
    return { kind: "failure", reason: `Error: Could not get passwd entry for '${nrpe_user}'` };
  }
  const named = nrpe_group === undefined ? undefined : findGroup(nrpe_group);
  if (nrpe_group !== undefined && named === undefined) {
    return { kind: "failure", reason: `Error: Could not get group entry for '${nrpe_group}'` };
  }
  const { uid } = account ?? own;
  const gid = named ?? (account ?? own).gid;
  if (own.uid === 0) {
    if (account !== undefined && uid !== 0 && gid !== 0) {
      return { kind: "identity", identity: { uid, gid, become: account } };
    }
    const hint = "set nrpe_user and nrpe_group";
    return {
      kind: "failure",
      reason: `Error: NRPE daemon cannot be run as user/group root! (${hint})`,
    };
  }
  if (own.gid === 0) {
    return { kind: "failure", reason: "Error: NRPE daemon cannot be run as user/group root!" };
  }
  const identity = { ...own, become: undefined };
  if (own.uid === uid && own.gid === gid) return { kind: "identity", identity };
  return {
    kind: "identity",
    identity,
    doubt: `Warning: Could not set UID=${uid} and GID=${gid}: only root can; staying ` +
      `UID=${own.uid} and GID=${own.gid}`,
  };
}

/** Becomes that identity, without a way back. */
export function assume({ become, gid }: AgentIdentity): void {
  if (become !== undefined) dropPrivileges(become, gid);
}

/** The variables of the environment that name the user. */
export function variablesOf({ uid, become }: AgentIdentity): UserVariables {
  const { name = String(uid), home, shell } = become ?? accountOf(uid);
  return { HOME: home, USER: name, LOGNAME: name, SHELL: shell };
}
