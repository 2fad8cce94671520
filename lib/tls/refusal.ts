/**
 * The alert for a client whose certificate is not valid.
 *
 * The runtime makes the TLS library accept every certificate and verifies it afterwards, when the
 * library sends no alert any more. In TLS 1.3 the alert is then the server's first record under its
 * application key, and can be made from the connection's secret. In TLS 1.2 it cannot, since the
 * runtime does not reveal the random numbers that the key depends on; nor for ChaCha20-Poly1305, which
 * the runtime's crypto lacks. In these cases close_notify is sent instead.
 */
import type { RefusedClient } from "../system/stream.ts";
import { Alert, ALERT_RECORD } from "./alert.ts";
import { alertFor } from "./certificate_fault.ts";

/** The record protection of a cipher suite, in the terms of the runtime's crypto; sizes in bytes. */
interface Protection {
  readonly cipher: "aes-128-gcm" | "aes-256-gcm";
  readonly keyLength: number;
  readonly hash: "sha256" | "sha384";
}

/** Suites of TLS 1.3, RFC 8446, B.4. */
const PROTECTIONS: Readonly<Record<string, Protection>> = {
  TLS_AES_128_GCM_SHA256: { cipher: "aes-128-gcm", keyLength: 16, hash: "sha256" },
  TLS_AES_256_GCM_SHA384: { cipher: "aes-256-gcm", keyLength: 32, hash: "sha384" },
};

const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const APPLICATION_DATA_RECORD = 23;

/** The alert for a client's certificate, as a record; undefined where it cannot be made. */
export function refusalOf(client: RefusedClient): Uint8Array | undefined {
  const protection = PROTECTIONS[client.cipher];
  const secret = secretIn(client.secrets);
  if (client.version !== "TLSv1.3" || protection === undefined || secret === undefined) {
    return undefined;
  }
  const alert = Uint8Array.of(Alert.fatal, alertFor(client.doubt), ALERT_RECORD);
  return firstRecord(protection, secret, alert);
}

/** The server's application secret in a key log, RFC 9850, 2.1. */
function secretIn(keyLog: readonly string[]): Uint8Array | undefined {
  for (const line of keyLog) {
    const [label, , secret] = line.trim().split(" ");
    if (label === "SERVER_TRAFFIC_SECRET_0") return Buffer.from(secret ?? "", "hex");
  }
  return undefined;
}

/**
 * The first record that a secret protects, RFC 8446, 5.2. Its sequence number is 0, so the nonce (5.3)
 * is the IV.
 *
 * @param inner Content and content type.
 */
function firstRecord(
  { cipher, keyLength, hash }: Protection,
  secret: Uint8Array,
  inner: Uint8Array,
): Uint8Array {
  const { createCipheriv } = process.getBuiltinModule("node:crypto");
  const header = Uint8Array.of(APPLICATION_DATA_RECORD, 3, 3, 0, inner.length + TAG_LENGTH);
  const key = expandLabel(hash, secret, "key", keyLength);
  const iv = expandLabel(hash, secret, "iv", IV_LENGTH);
  const sealing = createCipheriv(cipher, key, iv, { authTagLength: TAG_LENGTH });
  sealing.setAAD(header);
  const sealed = [sealing.update(inner), sealing.final()];
  return Buffer.concat([header, ...sealed, sealing.getAuthTag()]);
}

/**
 * HKDF-Expand-Label without context, RFC 8446, 7.1.
 * @param length In bytes, at most the hash's.
 */
function expandLabel(
  hash: Protection["hash"],
  secret: Uint8Array,
  label: string,
  length: number,
): Uint8Array {
  const { createHmac } = process.getBuiltinModule("node:crypto");
  const full = Buffer.from(`tls13 ${label}`, "latin1");
  const info = Buffer.concat([
    Uint8Array.of(0, length, full.length),
    full,
    // An empty context, and the number of the block, RFC 5869, 2.3.
    Uint8Array.of(0, 1),
  ]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}
