import {
  daemonEnvironment,
  inheritedVariables,
  pluginEnvironment,
  variableName,
} from "../command/environment.ts";
import { type AgentIdentity, variablesOf } from "./agent_identity.ts";
import type { Generation } from "./generation.ts";

/** The environment of plugins under a configuration, `NAME=value` each. */
export interface PluginEnvironment {
  (generation: Generation): readonly string[];
}

/** What a service manager says to the agent alone, see sd_listen_fds(3) and sd_notify(3). */
const SERVICE_MANAGER_VARIABLES = [
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "LISTEN_PIDFDID",
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
];

/** Under inetd plugins get what the agent was given, as in a process for one client. */
export function inetdVariables(): readonly string[] {
  return pluginEnvironment().filter((variable) =>
    !SERVICE_MANAGER_VARIABLES.includes(variableName(variable))
  );
}

/** The same for every configuration of a process. */
export function inetdEnvironment(): PluginEnvironment {
  const variables = inetdVariables();
  return () => variables;
}

/**
 * A daemon's plugins get what nrpe.cfg keeps, and the variables of the agent's user.
 *
 * The agent's own environment is read at once: without root's rights it can no longer be seen.
 */
export function environmentOfDaemon(identity: AgentIdentity): PluginEnvironment {
  const own = inheritedVariables();
  const user = variablesOf(identity);
  return ({ config }) => daemonEnvironment(own, config.keep_env_vars, user);
}
