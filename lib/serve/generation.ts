import { type AllowList, enforceAllowList } from "../access/allowed_names.ts";
import type { HostLists } from "../access/command_access.ts";
import type { Config } from "../config/config.ts";
import { configFiles, watchFiles } from "../config/config_files.ts";
import type { ConfigFiles } from "../config/draft.ts";
import { loadConfig } from "../config/load_config.ts";
import { type DirectiveName, TLS_FILES } from "../config/settings.ts";
import { type Log, type LogLine, Severity } from "../log.ts";
import { hostName } from "../system/host_name.ts";
import type { LogSettings } from "../system/open_log.ts";
import { resolveHost } from "../system/resolve_host.ts";
import { setUpTls, type TlsSetup } from "../tls/tls_setup.ts";
import { makeCommandHosts } from "./command_hosts.ts";
import {
  describeArguments,
  describeTables,
  describeTls,
  PLAIN_WITH_SUBJECTS,
} from "./describe_config.ts";

/**
 * A configuration and everything made of it. Each reload makes a new one, whole or not at all; a
 * connection is served by the one that was current when it was accepted.
 */
export interface Generation {
  readonly config: Config;
  /** Nothing where conversations are plain. */
  readonly tls: TlsSetup | undefined;
  readonly allowList: AllowList;
  /** The lists of `command_allowed_hosts`. */
  readonly hosts: HostLists;
  /** Whether the log says who has been let in, as tcpd's does under inetd, where no rule asks for it. */
  readonly logsGranted: boolean;
}

/** What a generation is made from. */
export interface GenerationSources {
  /** The path of nrpe.cfg. */
  readonly path: string;
  /** Makes a path of the configuration independent of the working directory. */
  readonly resolve: (path: string) => string;
  /** Whether the command line leaves TLS to nrpe.cfg. */
  readonly tls: boolean;
  /** Whether `allowed_hosts` applies: services of inetd leave that to inetd and TCP wrappers. */
  readonly allowedHosts: boolean;
  /** The current generation, if there is one. */
  readonly current?: Generation;
  /** Where lines go that come after the generation is made. */
  readonly log: Log;
}

/** A new generation, or the reasons why there is none. */
export type GenerationResult =
  & {
    /** What is to be logged. */
    readonly lines: readonly LogLine[];
    /** Whether the files have changed since they were read. */
    readonly hasChanged: () => boolean;
  }
  & (
    | {
      readonly kind: "generation";
      readonly generation: Generation;
      /** The files that it was made from, and the directories that were listed. */
      readonly files: readonly string[];
    }
    | {
      readonly kind: "failure";
      /** Where an agent that has no log yet logs the lines. */
      readonly log: LogSettings;
    }
  );

/** Reads nrpe.cfg, certificates and keys. What can fail is done before anything takes effect. */
export async function makeGeneration(sources: GenerationSources): Promise<GenerationResult> {
  const { path, resolve, tls, allowedHosts, current, log } = sources;
  const { files, add, paths, hasChanged } = watchFiles(filesFrom(resolve));
  const result = loadConfig(path, files, current?.config);
  const lines: LogLine[] = result.findings.map(({ severity, message }) => ({
    severity: severity === "error" ? Severity.error : Severity.warning,
    message,
  }));
  if (result.kind === "failure") return { kind: "failure", lines, log: result.log, hasChanged };
  const config = withPaths(result.config, resolve);
  if (!tls && config.ssl_allowed_subjects !== undefined) {
    lines.push({ severity: Severity.error, message: PLAIN_WITH_SUBJECTS });
    return { kind: "failure", lines, log: config, hasChanged };
  }
  for (const name of TLS_FILES) if (config[name] !== undefined) add(config[name]);
  const setup = tls && config.ssl_enabled
    ? await setUpTls(config, hostName, current?.tls?.pair)
    : undefined;
  if (setup?.kind === "failure") {
    lines.push({ severity: Severity.error, message: setup.reason });
    return { kind: "failure", lines, log: config, hasChanged };
  }
  lines.push(
    ...describeTables(config),
    ...describeArguments(config),
    ...describeTls(config, setup),
  );
  const allowList = enforceAllowList(
    allowedHosts ? config.allowed_hosts : undefined,
    resolveHost,
    (name) => log(Severity.warning, `Warning: allowed_hosts: no address found for ${name}`),
  );
  const logsGranted = !allowedHosts || config.debug;
  return {
    kind: "generation",
    generation: { config, tls: setup?.setup, allowList, hosts: makeCommandHosts(log), logsGranted },
    lines,
    hasChanged,
    files: paths().map(resolve),
  };
}

function filesFrom(resolve: (path: string) => string): ConfigFiles {
  return {
    read: (path) => configFiles.read(resolve(path)),
    list: (path) => configFiles.list(resolve(path)),
    identify: (path) => configFiles.identify(resolve(path)),
  };
}

/** Ends the work that goes on for a generation. Conversations may still be served by it. */
export function closeGeneration({ allowList, hosts }: Generation): void {
  allowList.close();
  hosts.close();
}

const PATHS = [
  "hosts_allow_file",
  "hosts_deny_file",
  "log_file",
  "metrics_file",
  "pid_file",
  "tls_state_file",
  ...TLS_FILES,
] as const satisfies readonly DirectiveName[];

function withPaths(config: Config, resolve: (path: string) => string): Config {
  const named = PATHS.filter((name) => config[name] !== undefined);
  return { ...config, ...Object.fromEntries(named.map((name) => [name, resolve(config[name]!)])) };
}
