import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type KeyAndCertificate, LIFETIME } from "./self_signed.ts";

/** What a state file holds. */
export type StoredPair =
  | { readonly kind: "pair"; readonly pair: KeyAndCertificate }
  /** The agent's own, expired or damaged. It may be replaced. */
  | { readonly kind: "worthless"; readonly why: string }
  /** Not of the agent's making, perhaps the only copy of a key. It must not be replaced. */
  | { readonly kind: "foreign"; readonly why: string };

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g;
const KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^-]*-----END \1-----\n?/;
/** With headers too, as an encrypted key has them (RFC 1421). */
const ANY_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]*?-----END \1-----/;

/** Says why a pair cannot be served with; undefined where it can. */
export type PairCheck = (pair: KeyAndCertificate) => string | undefined;

/**
 * Checks the text of a state file.
 * @param refusal What the TLS library has against a pair, if that is to be asked.
 */
export function checkStoredPair(text: string, now: Date, refusal?: PairCheck): StoredPair {
  const pair = matchingPair(text, now);
  return pair === undefined || refusal?.(pair) !== undefined
    ? checkClosely(text, now, refusal)
    : { kind: "pair", pair };
}

const BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----";
/** The length of an uncompressed public key on P-256, the end of the agent's private key (RFC 5915). */
const POINT_LENGTH = 65;

/**
 * The pair of a file in the agent's own form, which matches if both hold the same public key. The
 * closer check takes some 2 ms, too long for a process for one client.
 */
function matchingPair(text: string, now: Date): KeyAndCertificate | undefined {
  const at = text.indexOf(BEGIN_CERTIFICATE);
  if (at <= 0) return undefined;
  const [key, certificate] = [text.slice(0, at), text.slice(at)];
  const x509 = parse(certificate, readCertificate);
  if (x509 === undefined || new Date(x509.validTo) < now) return undefined;
  const point = contentOf(key).slice(-POINT_LENGTH);
  const fits = point.length === POINT_LENGTH && contentOf(certificate).includes(point);
  return fits ? { key, certificate } : undefined;
}

/** The content of a PEM text (RFC 7468), as a byte string; empty where it is invalid. */
function contentOf(pem: string): string {
  try {
    return atob(pem.slice(pem.indexOf("\n"), pem.indexOf("\n-----END ")));
  } catch {
    return "";
  }
}

function checkClosely(text: string, now: Date, refusal: PairCheck | undefined): StoredPair {
  const certificates = text.match(CERTIFICATES) ?? [];
  const certificate = certificates.join("");
  const key = KEY.exec(text)?.[0] ?? "";
  const [x509, privateKey] = [parse(certificate, readCertificate), parse(key, createPrivateKey)];
  const hasKey = ANY_KEY.test(text);
  const pair = { key, certificate };
  const fault = faultIn(x509, privateKey, hasKey, now) ?? refusal?.(pair);
  if (fault === undefined) return { kind: "pair", pair };
  const holdsNothing = x509 === undefined && !hasKey;
  if (holdsNothing || (certificates.length === 1 && isSelfMade(x509))) {
    return { kind: "worthless", why: fault };
  }
  return { kind: "foreign", why: `${fault}, and it is not one of the agent's making` };
}

function faultIn(
  certificate: X509Certificate | undefined,
  key: KeyObject | undefined,
  hasKey: boolean,
  now: Date,
): string | undefined {
  if (certificate === undefined) return "it holds no certificate";
  if (key === undefined) {
    return hasKey ? "its private key cannot be read" : "it holds no private key";
  }
  if (!isPair(certificate, key)) return "its key is not its certificate's";
  return new Date(certificate.validTo) < now ? "its certificate has expired" : undefined;
}

function isPair(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    // The certificate's own key is damaged, and is decoded only now.
    return false;
  }
}

/**
 * Whether a certificate is like those of makeSelfSigned(): self-signed, with a CN only, and valid for
 * the same number of days.
 */
function isSelfMade(certificate: X509Certificate | undefined): boolean {
  if (certificate === undefined) return false;
  const { subject, issuer, validFrom, validTo } = certificate;
  return subject === issuer && /^CN=[^\n]*$/.test(subject) &&
    Date.parse(validTo) - Date.parse(validFrom) === LIFETIME && isSelfSigned(certificate);
}

function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    return certificate.verify(certificate.publicKey);
  } catch {
    return false;
  }
}

function readCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

function parse<Parsed>(pem: string, read: (pem: string) => Parsed): Parsed | undefined {
  try {
    return pem === "" ? undefined : read(pem);
  } catch {
    // Damaged: the same as missing.
    return undefined;
  }
}
