import { decodeBytes } from "../bytes.ts";
import type { Config } from "../config/config.ts";
import type { TlsVersion } from "../config/tls_versions.ts";
import { agentOf } from "../system/account.ts";
import { Errno, readFile, SystemError } from "../system/libc.ts";
import { type TlsOptions, tlsOptionsError } from "../system/stream.ts";
import { readCipherList } from "./cipher_list.ts";

/** A certificate, its chain, and its key, and the files that they have been read from. */
interface LoadedPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** What handshakes need. */
export interface TlsSetup {
  readonly options: TlsOptions;
  /** Nothing where the certificate is one of the agent's own. */
  readonly pair: LoadedPair | undefined;
  /** Whether clients are asked for a certificate, and whether they must have one. */
  readonly clientCertificates: "none" | "asked" | "required";
  /** nrpe.cfg's `ssl_logging`. */
  readonly logging: number;
}

/** What came of setting TLS up. */
export type TlsResult =
  | {
    readonly kind: "setup";
    readonly setup: TlsSetup;
    /** Which certificate is shown, for the log. */
    readonly certificate: string;
    /** Words of the cipher list that mean nothing here. */
    readonly dropped: readonly string[];
    /** What is not as nrpe.cfg has it, for the log. */
    readonly warning: string | undefined;
  }
  /** What is wrong, in the reference's words where it has some. */
  | { readonly kind: "failure"; readonly reason: string };

/** The largest PEM file that is read, in bytes. */
const LARGEST_PEM_FILE = 4 * 1024 * 1024;

const CLIENT_CERTIFICATES = ["none", "asked", "required"] as const;

/** A failure that nrpe.cfg's author can mend. */
class Unusable extends Error {}

/** A file that this process may not read. */
class PermissionDenied extends Unusable {}

/** As they stand in handshakes, see RFC 8446, 4.2.1. */
const VERSION_NUMBERS: Readonly<Record<TlsVersion, number>> = {
  "TLSv1": 0x0301,
  "TLSv1.1": 0x0302,
  "TLSv1.2": 0x0303,
  "TLSv1.3": 0x0304,
};

/**
 * Finds out what nrpe.cfg asks of TLS. Files are read and tried: a certificate, a chain, a
 * key, a CA or a cipher list that is of no use is named with the reason.
 *
 * @param host The name that a self-signed certificate is made for, if one is.
 * @param inUse The certificate and key in use. They stay where the configuration names the same
 * files, and they can no longer be read for want of rights, as after root's have been given up.
 */
export async function setUpTls(
  config: Config,
  host: () => string,
  inUse?: LoadedPair,
): Promise<TlsResult> {
  try {
    const { cert, key, pair, note, warning } = await certificateOf(config, host, inUse);
    const { ciphers, newestOnly, dropped } = readCipherList(config.ssl_cipher_list);
    const { least, most } = config.ssl_version;
    const clientCertificates = CLIENT_CERTIFICATES[config.ssl_client_certs];
    const options: TlsOptions = {
      cert,
      key,
      ...(ciphers === undefined ? {} : { ciphers }),
      minVersion: VERSION_NUMBERS[newestOnly ? "TLSv1.3" : least],
      maxVersion: VERSION_NUMBERS[most],
      ...trustedOf(config),
      ...await clientTermsOf(clientCertificates),
    };
    if (tlsOptionsError(options) !== undefined) throw await refusedSetting(config, options);
    const setup = { options, pair, clientCertificates, logging: config.ssl_logging };
    return { kind: "setup", setup, certificate: note, dropped, warning };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    return { kind: "failure", reason: error.message };
  }
}

/** The certificate to show, and what the log should say about it. */
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
  const { ssl_cert_file: certFile, ssl_privatekey_file, tls_state_file } = config;
  if (certFile === undefined) {
    if (ssl_privatekey_file !== undefined) {
      throw new Unusable(
        `Error: could not use private key file '${ssl_privatekey_file}' : ssl_cert_file is missing`,
      );
    }
    const { loadSelfSigned } = await import("./state_file.ts");
    const own = loadSelfSigned(tls_state_file, agentOf(config), host, new Date());
    const { pair, note, warning } = own;
    return { cert: pair.certificate, key: pair.key, pair: undefined, note, warning };
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

function readPair(certFile: string, keyFile: string): LoadedPair {
  const cert = readPem(certFile, `certificate file ${certFile} `);
  const key = keyFile === certFile ? cert : readPem(keyFile, `private key file '${keyFile}' `);
  return { certFile, keyFile, cert, key };
}

async function clientTermsOf(wanted: TlsSetup["clientCertificates"]): Promise<TlsOptions> {
  if (wanted === "none") return { requestCert: false };
  const { refusalOf } = await import("./refusal.ts");
  return { requestCert: true, requireCert: wanted === "required", refuse: refusalOf };
}

/** The CAs whose client certificates are good. */
function trustedOf({ ssl_client_certs, ssl_cacert_file: file }: Config): TlsOptions {
  if (file === undefined) {
    if (ssl_client_certs === 0) return {};
    throw new Unusable(
      "Error: CA certificate required for client verification: set ssl_cacert_file, or ssl_client_certs=0",
    );
  }
  const ca = readPem(file, `CA certificate file '${file}'`);
  if (!/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(ca)) {
    // The TLS library takes a file without any certificate for an empty list.
    throw new Unusable(
      `Error: could not use CA certificate file '${file}': no PEM block of that kind is in it`,
    );
  }
  return { ca };
}

function readPem(path: string, what: string): string {
  try {
    return decodeBytes(readFile(path, LARGEST_PEM_FILE));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const Failure = error.errno === Errno.EACCES || error.errno === Errno.EPERM
      ? PermissionDenied
      : Unusable;
    throw new Failure(`Error: could not use ${what}: ${error.message}`);
  }
}

/** Finds out which of the options the TLS library does not take, and says why. */
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
    const complaint = tlsOptionsError(options);
    if (complaint !== undefined) {
      return new Unusable(`Error: could not ${what}: ${explainOptions(complaint)}`);
    }
  }
  return new Unusable(
    `Error: Could not set SSL/TLS cipher list '${ssl_cipher_list}': it leaves no cipher of those that the TLS library has`,
  );
}
