import type { Handshake } from "../system/stream.ts";
import { alertIn, isAboutCertificate, nameOfAlert } from "./alert.ts";

/**
 * Why a handshake failed, for the log. The library's errors end with a reason of BoringSSL's
 * ssl/errors: `error:100000f0:SSL routines:OPENSSL_internal:UNSUPPORTED_PROTOCOL`.
 *
 * @param seconds How long the handshake took.
 */
export function explainFailure(
  handshake: Exclude<Handshake, { readonly kind: "secure" }>,
  seconds: number,
): string {
  switch (handshake.kind) {
    case "closed":
      return "the client closed the connection";
    case "timed out":
      return `timeout ${Math.round(seconds)} seconds`;
    case "failed": {
      const { reason, heard } = handshake;
      const alert = receivedAlert(reason) ?? alertIn(heard);
      if (alert !== undefined) return explainAlert(alert);
      return HANDSHAKE_FAILURES[reason.slice(reason.lastIndexOf(":") + 1)] ??
        withoutCode(reason);
    }
  }
}

/** The library's reason for a received alert is this number plus the alert. */
const FIRST_ALERT = 1000;
const ALERTS = 256;

/** The alert that an error of the library reports as received. */
export function receivedAlert(error: string): number | undefined {
  const [, hexadecimal] = /^error:([0-9a-f]+):/.exec(error) ?? [];
  // ERR_GET_REASON: the twelve lowest bits.
  const alert = (Number.parseInt(hexadecimal ?? "0", 16) & 0xfff) - FIRST_ALERT;
  return alert >= 0 && alert < ALERTS ? alert : undefined;
}

function explainAlert(alert: number): string {
  const name = nameOfAlert(alert);
  return isAboutCertificate(alert)
    ? `the client does not accept the agent's certificate (alert ${name})`
    : `the client gave the handshake up (alert ${name})`;
}

/** Why the TLS library rejects a certificate, a key or a CA. */
export function explainOptions({ code, message }: NodeJS.ErrnoException): string {
  return OPTION_FAILURES[code ?? ""] ?? withoutCode(message);
}

/** An error of the TLS library, without its code and the library's name. */
function withoutCode(error: string): string {
  return error.replace(/^error:[0-9a-f]+:|OPENSSL_internal:/g, "");
}

const NO_SHARED_CIPHER =
  "no shared cipher: a client that offers only anonymous DH, such as check_nrpe 2.x with OpenSSL 1.0, cannot be served (see README)";
const TOO_OLD = "the client's protocol version is too old or too new: see ssl_version";
const NOT_TLS =
  "this is not TLS: a plain client? Then use check_nrpe without -n, or the agent with -n or ssl_enabled=0";
const NO_CERTIFICATE = "the client did not present a certificate";

const HANDSHAKE_FAILURES: Readonly<Record<string, string>> = {
  NO_SHARED_CIPHER: NO_SHARED_CIPHER,
  // The reason for a client that offers no curve, where the certificate has an ECDSA key.
  WRONG_CURVE: NO_SHARED_CIPHER,
  NO_SHARED_GROUP: "the client offers no group for the key exchange that the agent has",
  NO_COMMON_SIGNATURE_ALGORITHMS:
    "the client takes no signature that the agent's certificate can make",
  UNSUPPORTED_PROTOCOL: TOO_OLD,
  NO_SUPPORTED_VERSIONS_ENABLED: TOO_OLD,
  WRONG_VERSION_NUMBER: NOT_TLS,
  HTTP_REQUEST: NOT_TLS,
  HTTPS_PROXY_REQUEST: NOT_TLS,
  UNEXPECTED_RECORD: NOT_TLS,
  PEER_DID_NOT_RETURN_A_CERTIFICATE: NO_CERTIFICATE,
};

const OPTION_FAILURES: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: "no PEM block of that kind is in it",
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: "the key is not the certificate's",
  ERR_OSSL_X509_KEY_TYPE_MISMATCH: "the key is of another kind than the certificate's",
};
