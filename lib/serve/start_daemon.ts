import { byteStringOf } from "../bytes.ts";
import type { Serve } from "../cli.ts";
import { allowedHostText } from "../config/allowed_hosts.ts";
import type { Config } from "../config/config.ts";
import { type Log, type LogLine, Severity } from "../log.ts";
import { type LogCopy, type OpenLog, openLog } from "../system/open_log.ts";
import { forbidNewPrivileges } from "../system/no_new_privileges.ts";
import { holdPidFile, type PidFile } from "../system/pid_file.ts";
import { type AgentIdentity, assume, identityOf } from "./agent_identity.ts";
import { doubtFiles } from "./doubt_files.ts";
import type { FirstClient } from "./first_client.ts";
import { type Generation, type GenerationSources, makeGeneration } from "./generation.ts";
import { addressesToListenOn, type ListenAddress, type Listeners } from "./listeners.ts";
import { keepMemoryPrivate } from "./private_memory.ts";

/** How a process that serves many clients is started. */
export interface DaemonOptions {
  readonly invocation: Serve;
  /** Listening sockets that inetd or a service manager has bound; without any the agent binds its own. */
  readonly inherited: readonly number[];
  /** Whether it is a service of inetd, which ends when no client has come for a while. */
  readonly inetd: boolean;
  /** Gets the lines of the log too. */
  readonly copy: LogCopy;
  /** Called when the agent serves. */
  readonly ready: () => void;
  /** Reports why the agent cannot serve; without it the lines go to the log. */
  readonly cannotServe?: (lines: readonly LogLine[], log: OpenLog) => void;
  /** A client that is being served already. */
  readonly first?: FirstClient | undefined;
  /** Settled when the process that passed the sockets has ended: the agent ends after its clients. */
  readonly abandoned?: Promise<void>;
}

/** The agent cannot serve, for reasons in words for the log. */
export class CannotServe extends Error {
  constructor(readonly lines: readonly LogLine[]) {
    super();
  }
}

function cannotServe(message: string, before: readonly LogLine[] = []): CannotServe {
  return new CannotServe([...before, { severity: Severity.error, message }]);
}

/** The log, which a reload may open elsewhere. */
export interface CurrentLog {
  openLog: OpenLog;
}

/** A process that serves many clients. */
export interface DaemonProcess extends CurrentLog {
  readonly options: DaemonOptions;
  /** Resolves a path against the directory in which the agent was started; a daemon moves to `/`. */
  readonly resolve: (path: string) => string;
  readonly log: Log;
  readonly identity: AgentIdentity;
  generation: Generation;
  /** Whether the files of the configuration that was read last have changed. */
  hasChanged: () => boolean;
}

/**
 * Reads the configuration, opens the log that it names and finds the agent's user.
 * @throws {CannotServe}
 */
export async function configureDaemon(
  options: DaemonOptions,
  current: CurrentLog,
): Promise<DaemonProcess> {
  // Before a key is read.
  keepMemoryPrivate();
  const directory = byteStringOf(process.cwd());
  const resolve = (path: string) => path.startsWith("/") ? path : `${directory}/${path}`;
  const log: Log = (severity, message, facts) => current.openLog(severity, message, facts);
  const result = await makeGeneration({ ...sourcesOf(options), resolve, log });
  const settings = result.kind === "failure" ? result.log : result.generation.config;
  current.openLog = openLog(settings, options.copy);
  const { lines } = result;
  if (result.kind === "failure") {
    const path = options.invocation.config;
    throw cannotServe(`Config file '${path}' contained errors, aborting...`, lines);
  }
  const { generation } = result;
  const found = identityOf(generation.config);
  if (found.kind === "failure") throw cannotServe(found.reason, lines);
  for (const { severity, message } of lines) log(severity, message);
  if (found.doubt !== undefined) log(Severity.warning, found.doubt);
  const { identity } = found;
  const exposure = doubtFiles(generation.config, result.files, identity);
  if (exposure !== undefined) log(Severity.warning, exposure);
  const { hasChanged } = result;
  return Object.assign(current, { options, resolve, log, identity, generation, hasChanged });
}

/** What every configuration of a process is made from. */
export function sourcesOf(
  { invocation, inetd }: DaemonOptions,
): Pick<GenerationSources, "path" | "tls" | "allowedHosts"> {
  return { path: invocation.config, tls: invocation.tls, allowedHosts: !inetd };
}

/**
 * Takes the sockets and the pid file, then gives up root's rights.
 * @throws {CannotServe}
 */
export async function takeSockets(
  { options, generation: { config }, identity, log }: DaemonProcess,
  listeners: Listeners,
): Promise<PidFile | undefined> {
  const { inetd, inherited, invocation } = options;
  if (!inetd) log(Severity.notice, "Starting up daemon");
  if (inherited.length === 0) {
    try {
      const addresses = await addressesToListenOn(config, invocation.family);
      logListening(listeners.move(addresses, config.listen_queue_size), config, log);
    } catch (error) {
      throw cannotServe((error as Error).message);
    }
  }
  const pidFile = inetd || config.pid_file === undefined
    ? undefined
    : takePidFile(config.pid_file, identity);
  if (identity.become !== undefined) listeners.giveTo(identity.uid, identity.gid);
  try {
    if (config.no_new_privs) forbidNewPrivileges();
    assume(identity);
    // A change of user may have undone it.
    keepMemoryPrivate();
  } catch (error) {
    pidFile?.remove();
    throw cannotServe(`Error: ${error}`);
  }
  // After everything that may fail: no connection has been accepted that would be lost.
  for (const fd of inherited) listeners.inherit(fd, config.listen_queue_size);
  return pidFile;
}

/** Logs where the agent has begun to listen, and for whom. */
export function logListening(
  addresses: readonly ListenAddress[],
  config: Config,
  log: Log,
): void {
  for (const { address, port } of addresses) {
    log(Severity.info, `Server listening on ${address} port ${port}.`);
  }
  log(Severity.info, `Listening for connections on port ${config.server_port}`);
  const hosts = config.allowed_hosts?.map(allowedHostText);
  if (hosts !== undefined) log(Severity.info, `Allowing connections from: ${hosts.join(",")}`);
}

function takePidFile(path: string, identity: AgentIdentity): PidFile {
  const result = holdPidFile(path, identity);
  switch (result.kind) {
    case "held":
      return result.file;
    case "taken":
      throw cannotServe(
        `There's already an NRPE server running (PID ${result.pid}).  Bailing out...`,
      );
    case "failed":
      throw cannotServe(
        `Cannot write to pidfile '${path}' - check your privileges. (${result.reason})`,
      );
  }
}
