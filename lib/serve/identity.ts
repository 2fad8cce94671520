import type { UserVariables } from "../command/environment.ts";
import type { Config } from "../config/config.ts";
import {
  type Account,
  accountOf,
  becomeForGood,
  findAccount,
  findGroup,
} from "../system/account.ts";
import { userAndGroup } from "../system/libc.ts";

/** The user and group that the agent is to be. */
export interface Identity {
  readonly account: Account;
  readonly gid: number;
  /** Whether it is to become them, which takes root's rights. */
  readonly change: boolean;
}

/** An identity, perhaps with a doubt, or why there is none. */
export type IdentityResult =
  | { readonly kind: "identity"; readonly identity: Identity; readonly doubt?: string }
  | { readonly kind: "failure"; readonly reason: string };

/** Who the agent is to be by `nrpe_user` and `nrpe_group`; who is not root stays who it is. */
export function identityOf({ nrpe_user, nrpe_group }: Config): IdentityResult {
  const own = userAndGroup();
  const account = nrpe_user === undefined ? accountOf(own.uid) : findAccount(nrpe_user);
  if (account === undefined) {
    return { kind: "failure", reason: `Error: Could not get passwd entry for '${nrpe_user}'` };
  }
  const named = nrpe_group === undefined ? undefined : findGroup(nrpe_group);
  if (nrpe_group !== undefined && named === undefined) {
    return { kind: "failure", reason: `Error: Could not get group entry for '${nrpe_group}'` };
  }
  const gid = named ?? (nrpe_user === undefined ? own.gid : account.gid);
  if (own.uid === 0) {
    if (account.uid !== 0 && gid !== 0) {
      return { kind: "identity", identity: { account, gid, change: true } };
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
  const identity = { account: accountOf(own.uid), gid: own.gid, change: false };
  if (own.uid === account.uid && own.gid === gid) return { kind: "identity", identity };
  return {
    kind: "identity",
    identity,
    doubt: `Warning: Could not set UID=${account.uid} and GID=${gid}: only root can; staying ` +
      `UID=${own.uid} and GID=${own.gid}`,
  };
}

/** Becomes the identity, for good. */
export function assume({ account, gid, change }: Identity): void {
  if (change) becomeForGood(account, gid);
}

/** What plugins are told about the user. */
export function variablesOf({ account }: Identity): UserVariables {
  const name = account.name ?? String(account.uid);
  return { HOME: account.home, USER: name, LOGNAME: name, SHELL: account.shell };
}
