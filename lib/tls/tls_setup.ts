import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { decodeBytes } from "../bytes.ts";
import type { Config } from "../config/config.ts";
import { Errno, readFile, SystemError } from "../system/libc.ts";
import { readCipherList } from "./cipher_list.ts";
import { keepSelfSigned } from "./state_file.ts";

/** A certificate, its chain, and its key, and the files that they have been read from. */
export interface LoadedPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** What handshakes need. */
export interface TlsSetup {
  readonly context: SecureContext;
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
    /** Why the files of the certificate could not be read again, where the old pair stays for that. */
    readonly unread: string | undefined;
  }
  /** What is wrong, in the reference's words where it has some. */
  | { readonly kind: "failure"; readonly reason: string };

/** The largest PEM file that is read, in bytes. */
const LARGEST = 4 * 1024 * 1024;

const CLIENT_CERTIFICATES = ["none", "asked", "required"] as const;

/** A failure that nrpe.cfg's author can mend. */
class Unusable extends Error {}

/** A file that this process may not read. */
class Forbidden extends Unusable {}

/**
 * Makes the TLS context that nrpe.cfg asks for. Files are read and tried: a certificate, a chain, a
 * key, a CA or a cipher list that is of no use is named with the reason.
 *
 * @param host The name that a self-signed certificate is made for.
 * @param inForce The certificate and key in use. They stay where the configuration names the same
 * files, and they can no longer be read for want of rights, as after root's have been given up.
 */
export function setUpTls(config: Config, host: string, inForce?: LoadedPair): TlsResult {
  try {
    const shown = certificateOf(config, host, inForce);
    const { ciphers, dropped } = readCipherList(config.ssl_cipher_list);
    const options: SecureContextOptions = {
      cert: shown.cert,
      key: shown.key,
      minVersion: config.ssl_version.least,
      maxVersion: config.ssl_version.most,
      ...trustedOf(config),
    };
    const context = createContext(ciphers === undefined ? options : { ...options, ciphers }, () => {
      const list = `'${config.ssl_cipher_list}'`;
      return `Error: Could not set SSL/TLS cipher list ${list}: it leaves no cipher of those that the TLS library has`;
    });
    const clientCertificates = CLIENT_CERTIFICATES[config.ssl_client_certs];
    const { note, pair, unread } = shown;
    const setup = { context, pair, clientCertificates, logging: config.ssl_logging };
    return { kind: "setup", setup, certificate: note, dropped, unread };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    return { kind: "failure", reason: error.message };
  }
}

/** The certificate to show, and what the log should say about it. */
interface Shown {
  readonly cert: string;
  readonly key: string;
  readonly pair: LoadedPair | undefined;
  readonly note: string;
  readonly unread: string | undefined;
}

function certificateOf(
  { ssl_cert_file: certFile, ssl_privatekey_file, tls_state_file }: Config,
  host: string,
  inForce: LoadedPair | undefined,
): Shown {
  if (certFile === undefined) {
    if (ssl_privatekey_file !== undefined) {
      throw new Unusable(
        `Error: could not use private key file '${ssl_privatekey_file}' : ssl_cert_file is missing`,
      );
    }
    const { pair: { certificate: cert, key }, note } = keepSelfSigned(
      tls_state_file,
      host,
      new Date(),
    );
    return { cert, key, pair: undefined, note, unread: undefined };
  }
  const note = `the certificate of ${certFile}`;
  const keyFile = ssl_privatekey_file ?? certFile;
  try {
    const pair = loadPair(certFile, keyFile);
    return { ...pair, pair, note, unread: undefined };
  } catch (error) {
    const stays = error instanceof Forbidden && inForce?.certFile === certFile &&
      inForce.keyFile === keyFile;
    if (!stays) throw error;
    return { ...inForce, pair: inForce, note, unread: error.message.replace("Error: ", "") };
  }
}

function loadPair(certFile: string, keyFile: string): LoadedPair {
  const cert = read(certFile, `certificate file ${certFile} `);
  const key = read(keyFile, `private key file '${keyFile}' `);
  createContext({ cert }, (why) => `Error: could not use certificate file ${certFile} : ${why}`);
  createContext({ key }, (why) => `Error: could not use private key file '${keyFile}' : ${why}`);
  createContext(
    { cert, key },
    (why) =>
      `Error: could not use certificate/private key pair: ${certFile} and ${keyFile}: ${why}`,
  );
  return { certFile, keyFile, cert, key };
}

/** The CAs whose client certificates are good. */
function trustedOf({ ssl_client_certs, ssl_cacert_file: file }: Config): SecureContextOptions {
  if (file === undefined) {
    if (ssl_client_certs === 0) return {};
    throw new Unusable(
      "Error: CA certificate required for client verification: set ssl_cacert_file, or ssl_client_certs=0",
    );
  }
  const ca = read(file, `CA certificate file '${file}'`);
  if (!/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(ca)) {
    // The TLS library takes a file without any certificate for an empty list.
    throw new Unusable(
      `Error: could not use CA certificate file '${file}': ${REASONS.ERR_OSSL_PEM_NO_START_LINE}`,
    );
  }
  createContext({ ca }, (why) => `Error: could not use CA certificate file '${file}': ${why}`);
  return { ca };
}

function read(path: string, what: string): string {
  try {
    return decodeBytes(readFile(path, LARGEST));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const Failure = error.errno === Errno.EACCES || error.errno === Errno.EPERM
      ? Forbidden
      : Unusable;
    throw new Failure(`Error: could not use ${what}: ${error.message}`);
  }
}

function createContext(
  options: SecureContextOptions,
  complaint: (why: string) => string,
): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw new Unusable(complaint(inWords(error as NodeJS.ErrnoException)));
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: "no PEM block of that kind is in it",
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: "the key is not the certificate's",
  ERR_OSSL_X509_KEY_TYPE_MISMATCH: "the key is of another kind than the certificate's",
};

/** The TLS library's complaint in words, its last resort being the library's own. */
function inWords({ code, message }: NodeJS.ErrnoException): string {
  return REASONS[code ?? ""] ?? message.replace(/^error:[0-9a-f]+:|OPENSSL_internal:/g, "");
}
