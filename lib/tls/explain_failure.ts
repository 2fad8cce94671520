/**
 * Why a handshake failed, for who reads the log, from the TLS library's error code; see
 * BoringSSL's ssl/errors for the names behind ERR_SSL_.
 */
export function explainFailure(code: string | undefined, message: string): string {
  return FAILURES[code ?? ""] ?? message.replace(/^error:[0-9a-f]+:|OPENSSL_internal:/g, "");
}

const NO_SHARED_CIPHER =
  "no shared cipher: a client that offers only anonymous DH, such as check_nrpe 2.x with OpenSSL 1.0, cannot be served (see README)";
const TOO_OLD = "the client's protocol version is too old or too new: see ssl_version";
const NOT_TLS =
  "this is not TLS: a plain client? Then use check_nrpe without -n, or the agent with -n";
const CLIENT_REFUSED = "the client does not accept the agent's certificate";

const FAILURES: Readonly<Record<string, string>> = {
  ERR_SSL_NO_SHARED_CIPHER: NO_SHARED_CIPHER,
  // With a certificate on a curve, a client that offers no curve at all is found out by this.
  ERR_SSL_WRONG_CURVE: NO_SHARED_CIPHER,
  ERR_SSL_NO_SHARED_GROUP: "the client offers no group for the key exchange that the agent has",
  ERR_SSL_NO_COMMON_SIGNATURE_ALGORITHMS:
    "the client takes no signature that the agent's certificate can make",
  ERR_SSL_UNSUPPORTED_PROTOCOL: TOO_OLD,
  ERR_SSL_NO_SUPPORTED_VERSIONS_ENABLED: TOO_OLD,
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_HTTP_REQUEST: NOT_TLS,
  ERR_SSL_HTTPS_PROXY_REQUEST: NOT_TLS,
  ERR_SSL_UNEXPECTED_RECORD: NOT_TLS,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: CLIENT_REFUSED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: CLIENT_REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: CLIENT_REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: CLIENT_REFUSED,
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: CLIENT_REFUSED,
  ECONNRESET: "the client closed the connection",
};

/** What is wrong with a client's certificate, in words, from the library's X509_V_ERR_ name. */
export function explainCertificate(code: string): string {
  return CERTIFICATES[code] ?? code.toLowerCase().replaceAll("_", " ");
}

const UNKNOWN_CA = "it is signed by no CA of ssl_cacert_file";

const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_CA,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_CA,
  INVALID_PURPOSE: "it is not meant for clients",
};
