import type { Reading } from "./directive.ts";

/** A version of TLS, 1.0 to 1.3. */
export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** The oldest and the newest version that are allowed. */
interface TlsVersions {
  readonly least: TlsVersion;
  readonly most: TlsVersion;
}

/** TLS 1.2 and newer. */
export const TLS_DEFAULT: TlsVersions = { least: "TLSv1.2", most: "TLSv1.3" };

const VERSIONS: Readonly<Record<string, TlsVersion>> = {
  "tlsv1": "TLSv1",
  "tlsv1.1": "TLSv1.1",
  "tlsv1.2": "TLSv1.2",
  "tlsv1.3": "TLSv1.3",
};

/**
 * Reads `ssl_version`: a version, or a version and `+` for all newer ones too. SSLv2 and SSLv3, which
 * the TLS library lacks, are read as TLSv1.
 */
export function readTlsVersions(text: string): Reading<TlsVersions> {
  const name = text.replace(/\+$/, "").toLowerCase();
  const andNewer = text.endsWith("+");
  if (/^sslv[23]$/.test(name)) {
    const value: TlsVersions = { least: "TLSv1", most: andNewer ? "TLSv1.3" : "TLSv1" };
    return { kind: "value", value, doubt: `read as TLSv1${andNewer ? "+" : ""}` };
  }
  const version = VERSIONS[name];
  if (version === undefined) {
    return {
      kind: "error",
      reason: "it must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3, with + behind it for newer ones too",
    };
  }
  return { kind: "value", value: { least: version, most: andNewer ? "TLSv1.3" : version } };
}
