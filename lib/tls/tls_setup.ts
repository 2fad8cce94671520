import { decodeBytes } from "../bytes.ts";
import type { Config } from "../config/config.ts";
import type { TlsVersion } from "../config/tls_versions.ts";
import { agentOf } from "../system/account.ts";
import { fstat, hasAnEnd, regularSizeOf } from "../system/file_status.ts";
import { closeFile, Errno, Open, openFile, readToEnd, SystemError } from "../system/libc.ts";
import { type TlsOptions, tlsOptionsError } from "../system/stream.ts";
import { readCipherList } from "./cipher_list.ts";
import type { Crls } from "./crl.ts";
import type { PairCheck } from "./stored_pair.ts";

/** A certificate with its chain and its key, and the files of both. */
interface LoadedPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface TlsSetup {
  readonly options: TlsOptions;
  /** undefined where the certificate is the agent's own. */
  readonly pair: LoadedPair | undefined;
  /** Whether clients are asked for a certificate, and whether they must have one. */
  readonly clientCertificates: "none" | "asked" | "required";
  readonly logging: number;
  /** undefined where none are applied. */
  readonly crls: Crls | undefined;
}

/** The setup, or why there is none. */
export type TlsResult =
  | {
    readonly kind: "setup";
    readonly setup: TlsSetup;
    /** Which certificate is used, for the log. */
    readonly certificate: string;
    /** Words of the cipher list that were left out. */
    readonly dropped: readonly string[];
    /** What is not as nrpe.cfg has it, and whom the CRLs refuse. */
    readonly warnings: readonly string[];
    readonly notices: readonly string[];
  }
  /** What is wrong, in the C agent's words where it has some. */
  | { readonly kind: "failure"; readonly reason: string };

const LARGEST_PEM_FILE = 4 * 1024 * 1024;
/** A list of half a million certificates. */
const LARGEST_CRL_FILE = 32 * 1024 * 1024;

const CLIENT_CERTIFICATES = ["none", "asked", "required"] as const;

/** An error of the configuration. */
class Unusable extends Error {}

/** A file that this process is not permitted to read. */
class PermissionDenied extends Unusable {}

/** See RFC 8446, 4.2.1. */
const VERSION_NUMBERS: Readonly<Record<TlsVersion, number>> = {
  "TLSv1": 0x0301,
  "TLSv1.1": 0x0302,
  "TLSv1.2": 0x0303,
  "TLSv1.3": 0x0304,
};

/**
 * Sets TLS up by nrpe.cfg. Certificate, chain, key, CA and cipher list are loaded and tried; the reason
 * names the one that is rejected.
 *
 * @param host The host name for a self-signed certificate.
 * @param inUse The certificate and key in use. They stay where the configuration names the same files
 * and these are no longer readable, as after privileges were dropped.
 */
export async function setUpTls(
  config: Config,
  host: () => string,
  inUse?: LoadedPair,
): Promise<TlsResult> {
  try {
    const { ciphers, newestOnly, dropped } = readCipherList(config.ssl_cipher_list);
    const { least, most } = config.ssl_version;
    const clientCertificates = CLIENT_CERTIFICATES[config.ssl_client_certs];
    let certificate = await certificateOf(config, host, inUse);
    const ca = clientCasOf(config);
    const crls = await crlsOf(config, ca);
    const settings: TlsOptions = {
      ...(ciphers === undefined ? {} : { ciphers }),
      minVersion: VERSION_NUMBERS[newestOnly ? "TLSv1.3" : least],
      maxVersion: VERSION_NUMBERS[most],
      ...(ca === undefined ? {} : { ca }),
      ...(crls === undefined ? {} : { crl: crls.lists.map(({ pem }) => pem) }),
      ...await clientAuthenticationOf(clientCertificates, config),
    };
    const optionsOf = ({ cert, key }: ServerCertificate) => ({ cert, key, ...settings });
    if (tlsOptionsError(optionsOf(certificate)) !== undefined) {
      // The quick check of a state file does not see all that the library does.
      if (isOfStateFile(config)) certificate = await ownCertificate(config, host, await refusals());
      const options = optionsOf(certificate);
      if (tlsOptionsError(options) !== undefined) throw await refusedSetting(config, options);
    }
    const options = optionsOf(certificate);
    const { pair, note, warning } = certificate;
    const setup = { options, pair, clientCertificates, logging: config.ssl_logging, crls };
    const about = await describeCrls(crls, config);
    const warnings = [...warning === undefined ? [] : [warning], ...about.warnings];
    return { kind: "setup", setup, certificate: note, dropped, warnings, notices: about.notices };
  } catch (error) {
    if (error instanceof Unusable) return { kind: "failure", reason: error.message };
    if (!(error instanceof SystemError)) throw error;
    return { kind: "failure", reason: `Error: could not set up SSL/TLS: ${error.message}` };
  }
}

/** The certificate of the agent, and its origin for the log. */
interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  readonly pair: LoadedPair | undefined;
  readonly note: string;
  readonly warning: string | undefined;
}

async function certificateOf(
  config: Config,
  host: () => string,
  inUse: LoadedPair | undefined,
): Promise<ServerCertificate> {
  const { ssl_cert_file: certFile, ssl_privatekey_file } = config;
  if (certFile === undefined) {
    if (ssl_privatekey_file !== undefined) {
      throw new Unusable(
        `Error: could not use private key file '${ssl_privatekey_file}' : ssl_cert_file is missing`,
      );
    }
    return await ownCertificate(config, host);
  }
  const note = `the certificate of ${certFile}`;
  const keyFile = ssl_privatekey_file ?? certFile;
  try {
    const pair = readPair(certFile, keyFile);
    return { ...pair, pair, note, warning: undefined };
  } catch (error) {
    const isInUse = error instanceof PermissionDenied && inUse?.certFile === certFile &&
      inUse.keyFile === keyFile;
    if (!isInUse) throw error;
    const stays = "the certificate and key in use stay, a restart is needed to read renewed ones";
    const warning = `Warning: ${error.message.replace("Error: ", "")}; ${stays}`;
    return { ...inUse, pair: inUse, note, warning };
  }
}

/** Whether the certificate may come from a state file. */
function isOfStateFile({ ssl_cert_file, tls_state_file }: Config): boolean {
  return ssl_cert_file === undefined && tls_state_file !== undefined;
}

/** A self-signed certificate. */
async function ownCertificate(
  config: Config,
  host: () => string,
  refusal?: PairCheck,
): Promise<ServerCertificate> {
  const { loadSelfSigned } = await import("./state_file.ts");
  const { tls_state_file: file } = config;
  const own = loadSelfSigned(file, agentOf(config), host, new Date(), refusal);
  const { pair, note, warning } = own;
  return { cert: pair.certificate, key: pair.key, pair: undefined, note, warning };
}

/** Asks the TLS library about pairs. */
async function refusals(): Promise<PairCheck> {
  const { explainOptions } = await import("./explain_failure.ts");
  return ({ key, certificate: cert }) => {
    const problem = tlsOptionsError({ cert, key });
    return problem && `the TLS library refuses its pair: ${explainOptions(problem)}`;
  };
}

function readPair(certFile: string, keyFile: string): LoadedPair {
  const cert = readPem(certFile, `certificate file ${certFile} `);
  const key = keyFile === certFile ? cert : readPem(keyFile, `private key file '${keyFile}' `);
  return { certFile, keyFile, cert, key };
}

async function clientAuthenticationOf(
  wanted: TlsSetup["clientCertificates"],
  { ssl_allowed_subjects: subjects }: Config,
): Promise<TlsOptions> {
  if (wanted === "none") return { requestCert: false };
  const { refusalOf } = await import("./refusal.ts");
  const options = { requestCert: true, requireCert: wanted === "required", refuse: refusalOf };
  if (subjects === undefined) return options;
  const { judgeSubject } = await import("./judge_subject.ts");
  return { ...options, judge: (certificate) => judgeSubject(certificate, subjects) };
}

/**
 * The CRLs of nrpe.cfg.
 * @param ca The CAs, in PEM.
 */
async function crlsOf(
  { ssl_crl_file: file, ssl_client_certs }: Config,
  ca = "",
): Promise<Crls | undefined> {
  if (file === undefined) return undefined;
  if (ssl_client_certs === 0) {
    throw new Unusable("Error: ssl_crl_file needs ssl_client_certs=1 or 2");
  }
  const pem = readPem(file, `CRL file '${file}'`, LARGEST_CRL_FILE);
  const { readCrls, UnusableCrl } = await import("./crl.ts");
  try {
    return readCrls(pem, ca);
  } catch (error) {
    if (!(error instanceof UnusableCrl)) throw error;
    throw new Unusable(`Error: could not use CRL file '${file}': ${error.message}`);
  }
}

/** Whom the CRLs refuse besides the owners of revoked certificates. */
async function describeCrls(
  crls: Crls | undefined,
  { ssl_crl_file: file }: Config,
): Promise<{ readonly warnings: readonly string[]; readonly notices: readonly string[] }> {
  if (crls === undefined) return { warnings: [], notices: [] };
  const { outdatedIn } = await import("./crl.ts");
  const about = `ssl_crl_file '${file}'`;
  const refused = "all client certificates of that CA are refused";
  return {
    warnings: outdatedIn(crls, Date.now()).map(({ issuer, why }) =>
      `Warning: ${about}: the CRL of ${issuer} ${why}: ${refused}`
    ),
    notices: crls.without.map((issuer) => `${about} has no CRL of ${issuer}: ${refused}`),
  };
}

/** The CAs for client certificates, in PEM. */
function clientCasOf({ ssl_client_certs, ssl_cacert_file: file }: Config): string | undefined {
  if (file === undefined) {
    if (ssl_client_certs === 0) return undefined;
    throw new Unusable(
      "Error: CA certificate required for client verification: set ssl_cacert_file, or ssl_client_certs=0",
    );
  }
  const ca = readPem(file, `CA certificate file '${file}'`);
  if (!/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(ca)) {
    // The TLS library accepts a file without certificates as an empty list.
    throw new Unusable(
      `Error: could not use CA certificate file '${file}': no PEM block of that kind is in it`,
    );
  }
  return ca;
}

/** @param largest The largest size of the file, in bytes. */
function readPem(path: string, what: string, largest = LARGEST_PEM_FILE): string {
  const unusable = (why: string) => new Unusable(`Error: could not use ${what}: ${why}`);
  try {
    // Nobody may ever write to a FIFO.
    const fd = openFile(path, Open.readOnlyAtOnce);
    try {
      const status = fstat(fd);
      if (status !== undefined && !hasAnEnd(status)) {
        throw unusable("it is neither a regular file nor a device");
      }
      const bytes = readToEnd(fd, path, largest, status && regularSizeOf(status));
      if (bytes.byteLength > largest) throw unusable(`it is larger than ${largest} bytes`);
      return decodeBytes(bytes);
    } finally {
      closeFile(fd);
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const Failure = error.errno === Errno.EACCES || error.errno === Errno.EPERM
      ? PermissionDenied
      : Unusable;
    throw new Failure(`Error: could not use ${what}: ${error.message}`);
  }
}

/** The setting that the TLS library rejects, with the reason. */
async function refusedSetting(config: Config, { cert, key, ca }: TlsOptions): Promise<Unusable> {
  const { explainOptions } = await import("./explain_failure.ts");
  const { ssl_cert_file: file, ssl_cacert_file, ssl_cipher_list, tls_state_file } = config;
  const keyFile = config.ssl_privatekey_file ?? file;
  const own = tls_state_file === undefined
    ? "the agent's own certificate"
    : `tls_state_file '${tls_state_file}'`;
  const parts: readonly (readonly [TlsOptions, string])[] = [
    ...file === undefined ? [[{ cert, key }, `use ${own}`] as const] : [
      [{ cert }, `use certificate file ${file} `],
      [{ key }, `use private key file '${keyFile}' `],
      [{ cert, key }, `use certificate/private key pair: ${file} and ${keyFile}`],
    ] as const,
    [{ ca }, `use CA certificate file '${ssl_cacert_file}'`],
  ];
  for (const [options, what] of parts) {
    const problem = tlsOptionsError(options);
    if (problem !== undefined) {
      return new Unusable(`Error: could not ${what}: ${explainOptions(problem)}`);
    }
  }
  return new Unusable(
    `Error: Could not set SSL/TLS cipher list '${ssl_cipher_list}': it leaves no cipher of those that the TLS library has`,
  );
}
