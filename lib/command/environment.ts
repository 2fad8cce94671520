import { decodeBytes } from "../bytes.ts";
import { readFile } from "../system/libc.ts";
import { VERSION } from "../version.ts";

/** The variables that the agent sets for every plugin, as NRPE does. */
const NRPE_VARIABLES: readonly string[] = [
  "NRPE_MULTILINESUPPORT=1",
  `NRPE_PROGRAMVERSION=${VERSION}`,
];

/** Variables of the embedded runtime, which plugins do not get. */
const RUNTIME_PREFIX = "BUN_";
/** Those of them that count at the start of the runtime alone, see {@link steersRuntime}. */
const OPTION_PREFIX = "BUN_JSC_";
/** A channel for messages to the process that started the runtime. */
const CHANNEL_PREFIX = "NODE_CHANNEL_";

/**
 * Whether a variable tells the runtime what to do while it runs: to obey a debugger, to write files at
 * its end, to read messages from a descriptor.
 */
export function steersRuntime(variable: string): boolean {
  return (variable.startsWith(RUNTIME_PREFIX) && !variable.startsWith(OPTION_PREFIX)) ||
    variable.startsWith(CHANNEL_PREFIX);
}

/** Whether the environment has such variables. */
export function hasRuntimeVariables(): boolean {
  for (const variable of inheritedVariables()) if (steersRuntime(variable)) return true;
  return false;
}

/**
 * The environment of plugins under inetd: the agent's own, byte for byte, without the runtime's
 * variables, and with the two that NRPE sets.
 *
 * @param additions `NAME=value` each. They replace inherited ones.
 */
export function pluginEnvironment(additions: readonly string[] = []): readonly string[] {
  const given = [...NRPE_VARIABLES, ...additions];
  const variables = [...given];
  for (const variable of inheritedVariables()) {
    if (isForPlugins(variable) && !includes(given, variableName(variable))) {
      variables.push(variable);
    }
  }
  return variables;
}

function isForPlugins(variable: string): boolean {
  return !variable.startsWith(RUNTIME_PREFIX) && !variable.startsWith(CHANNEL_PREFIX);
}

/** An environment with some variables added or replaced. */
export function withVariables(
  environment: readonly string[],
  additions: readonly string[],
): readonly string[] {
  if (additions.length === 0) return environment;
  const kept = environment.filter((variable) => !includes(additions, variableName(variable)));
  return [...kept, ...additions];
}

/** Whether one of the variables has a name. */
function includes(variables: readonly string[], name: string): boolean {
  for (const variable of variables) if (variableName(variable) === name) return true;
  return false;
}

/** The name of a variable, `NAME=value`. */
export function variableName(variable: string): string {
  const equals = variable.indexOf("=");
  return equals < 0 ? variable : variable.slice(0, equals);
}

let inherited: readonly string[] | undefined;

/**
 * The environment of this process. `process.env` decodes it as UTF-8, and loses what is not UTF-8.
 * @throws {SystemError} when it cannot be read.
 */
export function inheritedVariables(): readonly string[] {
  return inherited ??= readInherited();
}

/** The value of an environment variable, see getenv(3). */
export function inheritedValue(name: string): string | undefined {
  return valueIn(inheritedVariables(), name);
}

/** The value of a variable in an environment. */
export function valueIn(environment: readonly string[], name: string): string | undefined {
  for (const variable of environment) {
    if (variableName(variable) === name) return variable.slice(name.length + 1);
  }
  return undefined;
}

function readInherited(): readonly string[] {
  const variables = decodeBytes(readFile("/proc/self/environ")).split("\0");
  variables.pop();
  return variables;
}

/** The variables about the user that a daemon's plugins run as. */
export interface UserVariables {
  readonly HOME: string;
  readonly USER: string;
  readonly LOGNAME: string;
  readonly SHELL: string;
}

/** The search path of a daemon's plugins, as under the C agent. `keep_env_vars` does not change it. */
export const DAEMON_PATH = "/usr/bin:/bin:/usr/sbin:/sbin";

/**
 * The environment of a daemon's plugins: the variables to keep, a fixed PATH, those of the user, and
 * the two that NRPE sets.
 *
 * @param own The daemon's environment, `NAME=value` each.
 * @param keep The names of the variables to keep.
 */
export function daemonEnvironment(
  own: readonly string[],
  keep: readonly string[],
  user: UserVariables,
): readonly string[] {
  const kept = own.filter((variable) => {
    const name = variableName(variable);
    return name !== "PATH" && keep.includes(name) && isForPlugins(variable) &&
      !Object.hasOwn(user, name) && !name.startsWith("NRPE_");
  });
  const given = Object.entries(user).map(([name, value]) => `${name}=${value}`);
  return [...NRPE_VARIABLES, `PATH=${DAEMON_PATH}`, ...given, ...kept];
}
