import { Alert } from "./alert.ts";

interface CertificateFault {
  readonly words: string;
  /** The alert that the client gets. */
  readonly alert: number;
}

const UNKNOWN_CA: CertificateFault = {
  words: "it is signed by no CA of ssl_cacert_file",
  alert: Alert.unknownCa,
};

/** What {@link judgeSubject} says of a certificate that is valid and not wanted. */
export const SUBJECT_NOT_ALLOWED = "SUBJECT_NOT_ALLOWED";

/** By X509_V_ERR_ name. */
const FAULTS: Readonly<Record<string, CertificateFault>> = {
  CERT_HAS_EXPIRED: { words: "it has expired", alert: Alert.certificateExpired },
  CERT_NOT_YET_VALID: { words: "it is not valid yet", alert: Alert.badCertificate },
  CERT_REVOKED: { words: "it has been revoked", alert: Alert.certificateRevoked },
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_CA,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_CA,
  CRL_HAS_EXPIRED: {
    words: "the CRL of its CA in ssl_crl_file has expired",
    alert: Alert.certificateUnknown,
  },
  CRL_NOT_YET_VALID: {
    words: "the CRL of its CA in ssl_crl_file is not valid yet",
    alert: Alert.certificateUnknown,
  },
  UNABLE_TO_GET_CRL: {
    words: "ssl_crl_file has no CRL of its CA",
    alert: Alert.certificateUnknown,
  },
  CRL_SIGNATURE_FAILURE: {
    words: "the CRL in ssl_crl_file is not signed by its CA",
    alert: Alert.certificateUnknown,
  },
  KEYUSAGE_NO_CRL_SIGN: {
    words: "its CA may sign no CRL",
    alert: Alert.certificateUnknown,
  },
  [SUBJECT_NOT_ALLOWED]: {
    words: "none of its names is in ssl_allowed_subjects",
    alert: Alert.accessDenied,
  },
  INVALID_PURPOSE: { words: "it is not meant for clients", alert: Alert.unsupportedCertificate },
};

/** What is wrong with a client's certificate, from the library's X509_V_ERR_ name. */
export function explainCertificate(code: string): string {
  return FAULTS[code]?.words ?? code.toLowerCase().replaceAll("_", " ");
}

/** The alert for a client's certificate. */
export function alertFor(code: string): number {
  return FAULTS[code]?.alert ?? Alert.badCertificate;
}
