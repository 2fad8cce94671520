import { matchesSubjects, namesText } from "../config/match_subjects.ts";
import type { CertificateName, SubjectPattern } from "../config/subjects.ts";
import { SUBJECT_NOT_ALLOWED } from "./certificate_fault.ts";
import { certificateNames } from "./certificate_names.ts";
import { Malformed } from "./der_reader.ts";

/**
 * Judges a certificate by `ssl_allowed_subjects`.
 * @returns A name like those of X509_V_ERR_; undefined where it may connect.
 */
export function judgeSubject(
  certificate: Uint8Array,
  allowed: readonly SubjectPattern[],
): string | undefined {
  const names = namesIn(certificate);
  return names !== undefined && matchesSubjects(names, allowed) ? undefined : SUBJECT_NOT_ALLOWED;
}

/** The names of a certificate, in DER; undefined where they cannot be read, and so match nothing. */
export function namesIn(certificate: Uint8Array): readonly CertificateName[] | undefined {
  try {
    return certificateNames(certificate);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return undefined;
  }
}

/** The names of a refused certificate, in the form in which nrpe.cfg takes them, for the log. */
export function refusedNames(certificate: Uint8Array): string {
  const names = namesIn(certificate);
  return names === undefined ? "names that cannot be read" : namesText(names);
}
