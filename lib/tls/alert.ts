/** Alerts of TLS, RFC 8446, 6. */

/** The level and the descriptions that the agent sends. */
export const Alert = {
  fatal: 2,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateRevoked: 44,
  certificateExpired: 45,
  certificateUnknown: 46,
  unknownCa: 48,
  accessDenied: 49,
} as const;

const NAMES: Readonly<Record<number, string>> = {
  0: "close_notify",
  10: "unexpected_message",
  20: "bad_record_mac",
  21: "decryption_failed",
  22: "record_overflow",
  30: "decompression_failure",
  40: "handshake_failure",
  41: "no_certificate",
  42: "bad_certificate",
  43: "unsupported_certificate",
  44: "certificate_revoked",
  45: "certificate_expired",
  46: "certificate_unknown",
  47: "illegal_parameter",
  48: "unknown_ca",
  49: "access_denied",
  50: "decode_error",
  51: "decrypt_error",
  60: "export_restriction",
  70: "protocol_version",
  71: "insufficient_security",
  80: "internal_error",
  86: "inappropriate_fallback",
  90: "user_canceled",
  100: "no_renegotiation",
  109: "missing_extension",
  110: "unsupported_extension",
  112: "unrecognized_name",
  113: "bad_certificate_status_response",
  116: "certificate_required",
  120: "no_application_protocol",
};

/** The name of an alert in the RFCs. */
export function nameOfAlert(description: number): string {
  return NAMES[description] ?? `number ${description}`;
}

const ABOUT_CERTIFICATES = [42, 43, 44, 45, 46, 48, 113];

/** Whether an alert rejects the peer's certificate. */
export function isAboutCertificate(description: number): boolean {
  return ABOUT_CERTIFICATES.includes(description);
}

/** The content type of an alert's record. */
export const ALERT_RECORD = 21;
const HEADER_LENGTH = 5;
const ALERT_LENGTH = 2;

/**
 * The description of the first unencrypted alert among some records. A TLS 1.3 client that rejects the
 * server's certificate has no key to write with yet. It sends the alert in plain text, which the server
 * fails to decrypt.
 *
 * @param records A client's bytes, from the beginning of a record.
 */
export function alertIn(records: Uint8Array): number | undefined {
  for (let at = 0; at + HEADER_LENGTH + ALERT_LENGTH <= records.length;) {
    const length = records[at + 3]! << 8 | records[at + 4]!;
    if (records[at] === ALERT_RECORD && length === ALERT_LENGTH) {
      return records[at + HEADER_LENGTH + 1];
    }
    at += HEADER_LENGTH + length;
  }
  return undefined;
}
