import { decodeBytes, trimBlanks } from "../bytes.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load_config.ts";
import type { ConfigFiles } from "../config/load_config.ts";
import type { DirectiveName } from "../config/settings.ts";
import { type Log, Severity } from "../log.ts";
import { configFiles } from "../system/config_files.ts";
import { readFile } from "../system/libc.ts";
import { TlsLogging } from "../tls/handshake.ts";
import { setUpTls, type TlsResult, type TlsSetup } from "../tls/tls_setup.ts";
import { type AllowList, enforceAllowList } from "./allowed_names.ts";

/**
 * A configuration and everything made of it. Each reload makes a new one, whole or not at all; a
 * connection is served by the one that was in force when it was accepted.
 */
export interface Generation {
  readonly config: Config;
  /** Nothing where conversations are plain. */
  readonly tls: TlsSetup | undefined;
  readonly allowList: AllowList;
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
  | { readonly kind: "failure"; readonly lines: readonly Line[] };

/** A line for the log. */
export interface Line {
  readonly severity: number;
  readonly message: string;
}

/** Reads nrpe.cfg, certificates and keys. What can fail is done before anything takes effect. */
export async function makeGeneration(surroundings: Surroundings): Promise<GenerationResult> {
  const { path, resolve, tls, allowedHosts, inForce } = surroundings;
  const result = loadConfig(path, filesFrom(resolve));
  const lines: Line[] = result.findings.map(({ severity, message }) => ({
    severity: severity === "error" ? Severity.error : Severity.warning,
    message,
  }));
  if (result.kind === "failure") return { kind: "failure", lines };
  const config = withPaths(result.config, resolve);
  const setup = tls && config.ssl_enabled
    ? await setUpTls(config, hostName(), inForce?.tls?.pair)
    : undefined;
  if (setup?.kind === "failure") {
    const { reason: message } = setup;
    return { kind: "failure", lines: [...lines, { severity: Severity.error, message }] };
  }
  lines.push(...describeTls(config, setup));
  const generation = {
    config,
    tls: setup?.setup,
    allowList: enforceAllowList(
      allowedHosts ? config.allowed_hosts : undefined,
      lookUp,
      (name) =>
        surroundings.log(Severity.warning, `Warning: allowed_hosts: no address found for ${name}`),
    ),
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

/** This host's name, as the kernel has it. */
export function hostName(): string {
  return trimBlanks(decodeBytes(readFile("/proc/sys/kernel/hostname")));
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
  if (result.unread !== undefined) {
    const stays = "the certificate and key in use stay, a restart is needed to read renewed ones";
    lines.push({ severity: Severity.warning, message: `Warning: ${result.unread}; ${stays}` });
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
