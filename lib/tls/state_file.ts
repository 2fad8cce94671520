import { X509Certificate } from "node:crypto";
import { decodeBytes, encodeBytes } from "../bytes.ts";
import type { Owner } from "../system/account.ts";
import { FileRefused, readPrivateFile, replacePrivateFile } from "../system/private_file.ts";
import { type KeyAndCertificate, makeSelfSigned } from "./self_signed.ts";

const LARGEST = 65536;

/** A self-signed certificate, and what the log should say about where it comes from. */
export interface Kept {
  readonly pair: KeyAndCertificate;
  readonly note: string;
  /** Why the state file is of no use. */
  readonly warning: string | undefined;
}

/**
 * The self-signed certificate of a state file; where there is none that is valid, a new one, which is
 * written there, readable for its owner only. A file that is refused is neither read nor replaced.
 *
 * @param path Nothing where no state file is configured: the certificate lives in memory then.
 * @param agent Whom the state file is for.
 */
export function keepSelfSigned(
  path: string | undefined,
  agent: Owner,
  host: string,
  now: Date,
): Kept {
  const passing = "a self-signed certificate made for this process";
  if (path === undefined) {
    const note = `${passing}: no ssl_cert_file, no tls_state_file`;
    return { pair: makeSelfSigned(host, now), note, warning: undefined };
  }
  let pair: KeyAndCertificate | undefined;
  try {
    const kept = readState(path, agent, now);
    const note = `the self-signed certificate of ${path}`;
    if (kept !== undefined) return { pair: kept, note, warning: undefined };
    pair = makeSelfSigned(host, now);
    replacePrivateFile(path, encodeBytes(pair.key + pair.certificate), agent);
    return { pair, note: `a new self-signed certificate, kept in ${path}`, warning: undefined };
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    const warning = `Warning: Cannot use tls_state_file '${path}': ${error.message}`;
    return { pair: pair ?? makeSelfSigned(host, now), note: passing, warning };
  }
}

/**
 * What a state file holds; nothing where it is absent, damaged or out of date.
 * @throws {FileRefused}
 */
function readState(path: string, agent: Owner, now: Date): KeyAndCertificate | undefined {
  const bytes = readPrivateFile(path, LARGEST, agent);
  if (bytes === undefined) return undefined;
  const text = decodeBytes(bytes);
  const certificate = text.slice(text.indexOf("-----BEGIN CERTIFICATE-----"));
  try {
    const { validTo } = new X509Certificate(certificate);
    if (new Date(validTo) < now) return undefined;
    return { key: text.slice(0, text.length - certificate.length), certificate };
  } catch {
    return undefined;
  }
}
