/** The certificates that nrpe.cfg names: whom they name, and how long they are valid. */
import type { X509Certificate } from "node:crypto";
import { readTableFile } from "../../access/table_files.ts";
import type { Config } from "../../config/config.ts";
import { hostName } from "../../system/host_name.ts";
import { type Crls, latestOf, outdatedIn } from "../../tls/crl.ts";
import { setUpTls } from "../../tls/tls_setup.ts";
import { type CaseName, type PlacedProblem, problemAt } from "./catalogue.ts";
import { statusOf } from "../../system/path_status.ts";
import type { CertificateReport } from "./report.ts";

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g;

const DAY = 24 * 60 * 60 * 1000;
/** A certificate that is valid for fewer days than this is about to expire. */
const SOON = 30;
/** A list of CAs may hold some 150. */
const MOST_CERTIFICATES = 500;

/** What is known of the certificates, and what is wrong. */
interface CheckedCertificates {
  readonly reports: readonly CertificateReport[];
  readonly problems: readonly PlacedProblem[];
}

/**
 * Sets TLS up as the agent does, so that its errors are the agent's, and reads the certificates. No
 * certificate is made: a state file is only read.
 */
export async function checkCertificates(
  config: Config,
  file: string,
  now: Date,
): Promise<CheckedCertificates> {
  const reports: CertificateReport[] = [];
  const problems: PlacedProblem[] = [];
  const result = await setUpTls({ ...config, tls_state_file: undefined }, hostName);
  const whole = { file, line: 0 };
  if (result.kind === "failure") {
    const at = TLS_DIRECTIVES.find((name) => {
      const value = config[name];
      return typeof value === "string" && result.reason.includes(value);
    });
    const position = (at && config.positions.get(at)) ?? whole;
    problems.push(problemAt(position, "tls", { reason: result.reason }));
  } else if (result.setup.crls !== undefined) {
    const checked = checkCrls(config, result.setup.crls, now);
    reports.push(...checked.reports);
    problems.push(...checked.problems);
  }
  const directives = ["ssl_cert_file", "ssl_cacert_file", "tls_state_file"] as const;
  for (const directive of directives) {
    const path = config[directive];
    const isUsed = directive !== "tls_state_file" || config.ssl_cert_file === undefined;
    if (path === undefined || !isUsed) continue;
    const position = config.positions.get(directive) ?? whole;
    for (const certificate of certificatesIn(path)) {
      const report = reportOf(certificate, path, directive, now);
      reports.push(report);
      const problem = problemOf(report, certificate, now);
      if (problem !== undefined) problems.push(problemAt(position, ...problem));
    }
  }
  return { reports, problems };
}

const TLS_DIRECTIVES = [
  "ssl_privatekey_file",
  "ssl_cert_file",
  "ssl_cacert_file",
  "ssl_crl_file",
  "ssl_cipher_list",
] as const;

const HOUR = 60 * 60 * 1000;
/** A CRL that is due in fewer hours than this should have been replaced. Many are made every day. */
const SOON_DUE = 12;

/** Checks the CRLs, which can be applied. */
function checkCrls(config: Config, crls: Crls, now: Date): CheckedCertificates {
  const file = config.ssl_crl_file!;
  const position = config.positions.get("ssl_crl_file")!;
  const problems: PlacedProblem[] = [];
  const add = (name: CaseName, values: Readonly<Record<string, string | number>>) =>
    problems.push(problemAt(position, name, { file, ...values }));
  const outdated = outdatedIn(crls, now.getTime());
  for (const { issuer, why } of outdated) add("crl-expired", { issuer, why });
  for (const issuer of crls.without) add("crl-missing", { issuer });
  const reports: CertificateReport[] = [];
  for (const { issuer, known, nextUpdate } of latestOf(crls.lists)) {
    const left = nextUpdate - now.getTime();
    if (!known) add("crl-of-no-ca", { issuer });
    if (left < SOON_DUE * HOUR && !outdated.some((one) => one.issuer === issuer)) {
      add("crl-expires", { issuer, hours: Math.floor(left / HOUR) });
    }
    reports.push({
      file,
      directive: "ssl_crl_file",
      subject: issuer,
      validTo: new Date(nextUpdate).toISOString(),
      daysLeft: Math.floor(left / DAY),
    });
  }
  return { reports, problems };
}

function certificatesIn(path: string): readonly X509Certificate[] {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const content = statusOf(path)?.isFile() ? readTableFile(path) : undefined;
  if (content?.kind !== "text") return [];
  const found: X509Certificate[] = [];
  for (const pem of content.text.match(CERTIFICATE)?.slice(0, MOST_CERTIFICATES) ?? []) {
    try {
      found.push(new X509Certificate(pem));
    } catch {
      // Damaged: setting TLS up says so.
    }
  }
  return found;
}

function reportOf(
  { subject, validTo }: X509Certificate,
  file: string,
  directive: CertificateReport["directive"],
  now: Date,
): CertificateReport {
  const end = new Date(validTo);
  return {
    file,
    directive,
    subject: oneLine(subject),
    validTo: end.toISOString(),
    daysLeft: Math.floor((end.getTime() - now.getTime()) / DAY),
  };
}

/** A name in one line, the common name first. */
function oneLine(name: string | undefined): string {
  const parts = (name ?? "").split("\n").filter((part) => part !== "");
  const common = parts.filter((part) => part.startsWith("CN="));
  return [...common, ...parts.filter((part) => !part.startsWith("CN="))].join(", ");
}

function problemOf(
  { directive, file, subject, daysLeft }: CertificateReport,
  { validFrom }: X509Certificate,
  now: Date,
): [CaseName, Readonly<Record<string, string | number>>] | undefined {
  const values = { file, subject: subject === "" ? "without a name" : subject };
  if (daysLeft < 0) {
    const which = directive === "ssl_cacert_file"
      ? "certificate-expired/ca"
      : directive === "tls_state_file"
      ? "certificate-expired/own"
      : "certificate-expired";
    return [which, { ...values, days: -daysLeft }];
  }
  const begin = new Date(validFrom);
  if (begin > now) {
    return ["certificate-not-yet-valid", { ...values, date: begin.toISOString() }];
  }
  if (daysLeft >= SOON || directive === "tls_state_file") return undefined;
  return ["certificate-expires", { ...values, days: daysLeft }];
}
