import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load_config.ts";
import type { ConfigFiles } from "../config/load_config.ts";
import type { DirectiveName } from "../config/settings.ts";
import { type Log, Severity } from "../log.ts";
import { configFiles } from "../config/config_files.ts";
import { exists } from "../system/directory.ts";
import { hostName } from "../system/host_name.ts";
import type { LogSettings } from "../system/open_log.ts";
import { TlsLogging } from "../tls/handshake.ts";
import { setUpTls, type TlsResult, type TlsSetup } from "../tls/tls_setup.ts";
import { type AllowList, enforceAllowList } from "../access/allowed_names.ts";

/**
 * A configuration and everything made of it. Each reload makes a new one, whole or not at all; a
 * connection is served by the one that was in force when it was accepted.
 */
export interface Generation {
  readonly config: Config;
  /** Nothing where conversations are plain. */
  readonly tls: TlsSetup | undefined;
  readonly allowList: AllowList;
  /** Whether the log says who has been let in, as tcpd's does under inetd, where no rule asks for it. */
  readonly logsGranted: boolean;
}

/** What a generation is made of besides nrpe.cfg. */
export interface Surroundings {
  /** The path of nrpe.cfg. */
  readonly path: string;
  /** Makes a path of the configuration independent of the working directory. */
  readonly resolve: (path: string) => string;
  /** Whether the command line leaves TLS to nrpe.cfg. */
  readonly tls: boolean;
  /** Whether `allowed_hosts` applies: inetd's services leave that to inetd and TCP wrappers. */
  readonly allowedHosts: boolean;
  /** The generation in force, if there is one. */
  readonly inForce?: Generation;
  /** Where lines go that come later than the generation's making. */
  readonly log: Log;
}

/** A new generation, or nothing, and then the reasons, ready for the log, most of all of errors. */
export type GenerationResult =
  | {
    readonly kind: "generation";
    readonly generation: Generation;
    readonly lines: readonly Line[];
  }
  | {
    readonly kind: "failure";
    readonly lines: readonly Line[];
    /** Where they are to be logged by an agent that has no log yet. */
    readonly log: LogSettings;
  };

/** A line for the log. */
export interface Line {
  readonly severity: number;
  readonly message: string;
}

/** Reads nrpe.cfg, certificates and keys. What can fail is done before anything takes effect. */
export async function makeGeneration(surroundings: Surroundings): Promise<GenerationResult> {
  const { path, resolve, tls, allowedHosts, inForce } = surroundings;
  const result = loadConfig(path, filesFrom(resolve), inForce?.config);
  const lines: Line[] = result.findings.map(({ severity, message }) => ({
    severity: severity === "error" ? Severity.error : Severity.warning,
    message,
  }));
  if (result.kind === "failure") return { kind: "failure", lines, log: result.log };
  const config = withPaths(result.config, resolve);
  const setup = tls && config.ssl_enabled
    ? await setUpTls(config, hostName, inForce?.tls?.pair)
    : undefined;
  if (setup?.kind === "failure") {
    const { reason: message } = setup;
    return {
      kind: "failure",
      lines: [...lines, { severity: Severity.error, message }],
      log: config,
    };
  }
  lines.push(...missingTables(config), ...describeArguments(config), ...describeTls(config, setup));
  const generation = {
    config,
    tls: setup?.setup,
    allowList: enforceAllowList(
      allowedHosts ? config.allowed_hosts : undefined,
      lookUp,
      (name) =>
        surroundings.log(Severity.warning, `Warning: allowed_hosts: no address found for ${name}`),
    ),
    logsGranted: !allowedHosts || config.debug,
  };
  return { kind: "generation", generation, lines };
}

function filesFrom(resolve: (path: string) => string): ConfigFiles {
  return {
    read: (path) => configFiles.read(resolve(path)),
    list: (path) => configFiles.list(resolve(path)),
    identify: (path) => configFiles.identify(resolve(path)),
  };
}

const PATHS = [
  "hosts_allow_file",
  "hosts_deny_file",
  "log_file",
  "pid_file",
  "ssl_cert_file",
  "ssl_privatekey_file",
  "ssl_cacert_file",
  "tls_state_file",
] as const satisfies readonly DirectiveName[];

function withPaths(config: Config, resolve: (path: string) => string): Config {
  const named = PATHS.filter((name) => config[name] !== undefined);
  return { ...config, ...Object.fromEntries(named.map((name) => [name, resolve(config[name]!)])) };
}

/** Warns of access tables that nrpe.cfg names and that do not exist, and so count as empty. */
function missingTables(config: Config): readonly Line[] {
  if (!config.tcp_wrappers) return [];
  const lines: Line[] = [];
  for (const name of ["hosts_allow_file", "hosts_deny_file"] as const) {
    const position = config.positions.get(name);
    if (position === undefined || exists(config[name])) continue;
    const where = `in config file '${position.file}' - Line ${position.line}`;
    const consequence = name === "hosts_allow_file" ? "it grants nobody" : "it refuses nobody";
    const message = `Warning: ${name} '${config[name]}' ${where} does not exist, so ${consequence}`;
    lines.push({ severity: Severity.warning, message });
  }
  return lines;
}

/** What the log says where clients may pass arguments on, in the reference's words. */
function describeArguments(config: Config): readonly Line[] {
  if (!config.dont_blame_nrpe) return [];
  const warning = "Warning: Daemon is configured to accept command arguments";
  const lines = [`${warning} from clients!`];
  if (config.allow_bash_command_substitution) {
    lines.push(`${warning} with bash command substitutions!`);
  }
  return lines.map((message) => ({ severity: Severity.notice, message }));
}

async function lookUp(name: string): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** What the log says about TLS; with `ssl_logging` also every parameter, in the reference's words. */
export function describeTls(
  config: Config,
  result: TlsResult | undefined,
): readonly Line[] {
  const info = (message: string): Line => ({ severity: Severity.info, message });
  if (result?.kind !== "setup") {
    return [info("INFO: SSL/TLS NOT initialized. Network encryption DISABLED.")];
  }
  const lines = [
    info(`INFO: SSL/TLS initialized, with ${result.certificate}.`),
    ...result.dropped.map((word): Line => ({
      severity: Severity.debug,
      message: `ssl_cipher_list: ${word} is left out, the TLS library has no such thing`,
    })),
  ];
  if (result.warning !== undefined) {
    lines.push({ severity: Severity.warning, message: result.warning });
  }
  if ((config.ssl_logging & TlsLogging.startup) === 0) return lines;
  const { least, most } = config.ssl_version;
  return [
    ...lines,
    info(`SSL Certificate File: ${config.ssl_cert_file ?? "None"}`),
    info(`SSL Private Key File: ${config.ssl_privatekey_file ?? "None"}`),
    info(`SSL CA Certificate File: ${config.ssl_cacert_file ?? "None"}`),
    info(`SSL Cipher List: ${config.ssl_cipher_list ?? "the library's"}`),
    info("SSL Allow ADH: 0"),
    info(`SSL Client Certs: ${["Don't Ask", "Accept", "Require"][config.ssl_client_certs]}`),
    info(`SSL Log Options: 0x${config.ssl_logging.toString(16).padStart(2, "0")}`),
    info(`SSL Version: ${least === most ? least : `${least} to ${most}`}`),
  ];
}
