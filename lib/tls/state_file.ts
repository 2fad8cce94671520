import { decodeBytes, encodeBytes } from "../bytes.ts";
import type { Owner } from "../system/account.ts";
import { FileRefused, readPrivateFile, replaceFile } from "../system/private_file.ts";
import { checkStoredPair, type PairCheck, type StoredPair } from "./stored_pair.ts";
import { type KeyAndCertificate, makeSelfSigned } from "./self_signed.ts";

const LARGEST_STATE_FILE = 65536;

/** A self-signed certificate, and its origin for the log. */
export interface SelfSigned {
  readonly pair: KeyAndCertificate;
  readonly note: string;
  /** Why the state file could not be used, or has been replaced. */
  readonly warning: string | undefined;
}

/**
 * Loads the self-signed certificate of a state file. Where none is valid, makes a new one and writes it
 * there, readable by its owner only. A file that is refused is neither read nor replaced, nor is a key
 * that is not of the agent's making.
 *
 * @param path undefined where no state file is configured. The certificate is then in memory only.
 * @param agent The owner of the state file.
 * @param host The host name for a new certificate.
 * @param refusal What the TLS library has against a stored pair; asked where it has refused one.
 */
export function loadSelfSigned(
  path: string | undefined,
  agent: Owner,
  host: () => string,
  now: Date,
  refusal?: PairCheck,
): SelfSigned {
  const passing = "a self-signed certificate made for this process";
  if (path === undefined) {
    const note = `${passing}: no ssl_cert_file, no tls_state_file`;
    return { pair: makeSelfSigned(host(), now), note, warning: undefined };
  }
  let pair: KeyAndCertificate | undefined;
  try {
    const stored = readState(path, agent, now, refusal);
    if (stored?.kind === "pair") {
      const note = `the self-signed certificate of ${path}`;
      return { pair: stored.pair, note, warning: undefined };
    }
    pair = makeSelfSigned(host(), now);
    if (stored?.kind === "foreign") throw new FileRefused(stored.why);
    replaceFile(path, encodeBytes(pair.key + pair.certificate), 0o600, agent);
    const warning = stored && `Warning: tls_state_file '${path}' has been replaced: ${stored.why}`;
    return { pair, note: `a new self-signed certificate, kept in ${path}`, warning };
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    const warning = `Warning: Cannot use tls_state_file '${path}': ${error.message}`;
    return { pair: pair ?? makeSelfSigned(host(), now), note: passing, warning };
  }
}

/**
 * Reads a state file; undefined where there is none.
 * @throws {FileRefused}
 */
function readState(
  path: string,
  agent: Owner,
  now: Date,
  refusal: PairCheck | undefined,
): StoredPair | undefined {
  const bytes = readPrivateFile(path, LARGEST_STATE_FILE, agent);
  return bytes === undefined ? undefined : checkStoredPair(decodeBytes(bytes), now, refusal);
}
