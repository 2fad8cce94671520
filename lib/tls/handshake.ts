import { byteStringOf } from "../bytes.ts";
import { type Log, Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import { drain, type Handshake, type Stream } from "../system/stream.ts";
import type { TlsSetup } from "./tls_setup.ts";

/** Bits of nrpe.cfg's `ssl_logging`. */
export const TlsLogging = {
  startup: 1,
  address: 2,
  version: 4,
  cipher: 8,
  hasCertificate: 16,
  certificate: 32,
} as const;

/** How long a client is drained after a failed handshake, in milliseconds, and for how many bytes. */
const DRAIN_TIMEOUT = 2_000;
const DRAIN_BYTES = 256 * 1024;

/** The client, and the log for lines about it. */
export interface Client {
  readonly address: string;
  readonly port: number;
  readonly log: Log;
}

/** A client after the handshake. */
export interface SecureClient {
  /** The TLS version. */
  readonly version: string;
  /** Its certificate in DER, which a CA has verified; undefined where it has shown none. */
  readonly certificate: Uint8Array | undefined;
}

/**
 * Starts TLS on an accepted connection. Where that fails, logs why and closes the connection.
 *
 * @param deadline For the handshake, in milliseconds of {@link now}.
 * @param ended Called when the handshake is over, well or not.
 * @returns undefined where the client is not accepted.
 */
export async function shakeHands(
  stream: Stream,
  setup: TlsSetup,
  client: Client,
  deadline: number,
  ended: () => void = () => {},
): Promise<SecureClient | undefined> {
  const begun = now();
  const handshake = await stream.secure(setup.options, deadline).finally(ended);
  // In TLS 1.3 the agent has nothing to send now. Nagle's algorithm keeps the client's query back until
  // an acknowledgement, which the kernel would delay by some 40 ms.
  stream.acknowledge();
  if (handshake.kind === "secure") {
    if (await acceptCertificate(handshake, setup, client)) {
      const { version, certificate } = handshake;
      return { version, certificate: certificate?.raw };
    }
  } else {
    const { explainFailure } = await import("./explain_failure.ts");
    const failure = explainFailure(handshake, (now() - begun) / 1000);
    const { address, log } = client;
    log(Severity.error, `Error: Could not complete SSL handshake with ${address}: ${failure}`);
  }
  if (handshake.kind === "secure" || handshake.kind === "failed") {
    await drain(stream, now() + DRAIN_TIMEOUT, DRAIN_BYTES);
  }
  stream.close();
  return undefined;
}

async function acceptCertificate(
  { version, cipher, certificate, doubt }: Handshake & { readonly kind: "secure" },
  setup: TlsSetup,
  { address, port, log }: Client,
): Promise<boolean> {
  const say = (bit: number, message: string) => {
    if ((setup.logging & bit) !== 0) log(Severity.notice, message);
  };
  say(TlsLogging.address, `SSL connection from ${address} port ${port}`);
  say(TlsLogging.version, `Remote ${address} - SSL Version: ${version}`);
  say(TlsLogging.cipher, `Remote ${address} - ${version}, Cipher is ${cipher}`);
  if (setup.clientCertificates === "none") {
    say(TlsLogging.hasCertificate, "SSL Not asking for client certification");
    return true;
  }
  if (certificate === undefined) {
    say(TlsLogging.hasCertificate, `SSL Client ${address} did not present a certificate`);
    if (setup.clientCertificates === "asked") return true;
    // The library fails such a handshake itself. This is for one that does not.
    const refused = `Error: Could not complete SSL handshake with ${address}`;
    log(Severity.error, `${refused}: the client did not present a certificate`);
    return false;
  }
  const [subject, issuer] = [
    distinguishedName(certificate.subject),
    distinguishedName(certificate.issuer),
  ];
  say(
    TlsLogging.hasCertificate,
    `SSL Client ${address} has ${doubt === undefined ? "a valid" : "an invalid"} certificate`,
  );
  say(TlsLogging.certificate, `SSL Client ${address} Cert Name: ${subject}`);
  say(TlsLogging.certificate, `SSL Client ${address} Cert Issuer: ${issuer}`);
  if (doubt === undefined) return true;
  const { explainCertificate, SUBJECT_NOT_ALLOWED } = await import("./certificate_fault.ts");
  if (doubt === SUBJECT_NOT_ALLOWED) {
    const { refusedNames } = await import("./judge_subject.ts");
    const names = refusedNames(certificate.raw);
    const message = `SSL Client ${address} is refused: ${explainCertificate(doubt)}: ${names}`;
    log(Severity.error, `${message} (issuer=${issuer})`);
    return false;
  }
  log(
    Severity.error,
    `SSL Client ${address} has an invalid certificate: ${subject} (issuer=${issuer}) err=${doubt}: ${
      explainCertificate(doubt)
    }`,
  );
  return false;
}

/** A distinguished name as a byte string: `/C=DE/O=Example/CN=monitor`. */
export function distinguishedName(name: object | undefined): string {
  const parts = Object.entries(name ?? {}).flatMap(([type, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `/${type}=${one}`)
  );
  return byteStringOf(parts.join(""));
}
