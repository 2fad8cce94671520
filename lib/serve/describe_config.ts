/**
 * What the log says about a configuration when it is applied.
 */
import type { Config } from "../config/config.ts";
import { subjectsText } from "../config/match_subjects.ts";
import { type LogLine, Severity } from "../log.ts";
import { exists } from "../system/directory.ts";
import { TlsLogging } from "../tls/handshake.ts";
import type { TlsResult } from "../tls/tls_setup.ts";

/** Why a plain agent does not serve where clients must be on a list by their certificates. */
export const PLAIN_WITH_SUBJECTS =
  "Error: ssl_allowed_subjects needs TLS, which the option -n turns off: on a plain connection no client shows a certificate";

/** Warns of access tables that nrpe.cfg names and that do not exist, and so count as empty. */
export function describeTables(config: Config): readonly LogLine[] {
  if (!config.tcp_wrappers) return [];
  const lines: LogLine[] = [];
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

/** Warns where clients may pass arguments, in the C agent's words. */
export function describeArguments(config: Config): readonly LogLine[] {
  if (!config.dont_blame_nrpe) return [];
  const warning = "Warning: Daemon is configured to accept command arguments";
  const lines = [`${warning} from clients!`];
  if (config.allow_bash_command_substitution) {
    lines.push(`${warning} with bash command substitutions!`);
  }
  return lines.map((message) => ({ severity: Severity.notice, message }));
}

/** Describes TLS; with `ssl_logging` also every parameter, in the C agent's words. */
export function describeTls(config: Config, result: TlsResult | undefined): readonly LogLine[] {
  const info = (message: string): LogLine => ({ severity: Severity.info, message });
  if (result?.kind !== "setup") {
    return [info("INFO: SSL/TLS NOT initialized. Network encryption DISABLED.")];
  }
  const lines = [
    info(`INFO: SSL/TLS initialized, with ${result.certificate}.`),
    ...result.dropped.map((word): LogLine => ({
      severity: Severity.debug,
      message: `ssl_cipher_list: ${word} is left out, the TLS library has no such thing`,
    })),
  ];
  for (const message of result.warnings) lines.push({ severity: Severity.warning, message });
  for (const message of result.notices) lines.push({ severity: Severity.notice, message });
  if ((config.ssl_logging & TlsLogging.startup) === 0) return lines;
  const { least, most } = config.ssl_version;
  const subjects = config.ssl_allowed_subjects;
  return [
    ...lines,
    info(`SSL Certificate File: ${config.ssl_cert_file ?? "None"}`),
    info(`SSL Private Key File: ${config.ssl_privatekey_file ?? "None"}`),
    info(`SSL CA Certificate File: ${config.ssl_cacert_file ?? "None"}`),
    info(`SSL Allowed Subjects: ${subjects === undefined ? "All" : subjectsText(subjects)}`),
    info(`SSL CRL File: ${config.ssl_crl_file ?? "None"}`),
    info(`SSL Cipher List: ${config.ssl_cipher_list ?? "the library's"}`),
    info("SSL Allow ADH: 0"),
    info(`SSL Client Certs: ${["Don't Ask", "Accept", "Require"][config.ssl_client_certs]}`),
    info(`SSL Log Options: 0x${config.ssl_logging.toString(16).padStart(2, "0")}`),
    info(`SSL Version: ${least === most ? least : `${least} to ${most}`}`),
  ];
}
