import type { Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";
import { byteStringOf } from "../bytes.ts";
import { type Log, Severity } from "../log.ts";
import { descriptorOf } from "../system/descriptor_of.ts";
import { now } from "../system/libc.ts";
import { acknowledgeNow } from "../system/socket.ts";
import { explainCertificate, explainFailure } from "./explain_failure.ts";
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

/** The client, and where lines about it go. */
export interface Client {
  readonly address: string;
  readonly port: number;
  readonly log: Log;
}

/**
 * Makes TLS of an accepted connection. Where that fails, the log says why, the connection is closed
 * and there is no stream.
 *
 * @param deadline When the handshake must be done, in milliseconds of {@link now}.
 */
export async function shakeHands(
  socket: Socket,
  setup: TlsSetup,
  client: Client,
  deadline: number,
): Promise<TLSSocket | undefined> {
  const asks = setup.clientCertificates !== "none";
  const stream = new TLSSocket(socket, {
    isServer: true,
    secureContext: setup.context,
    requestCert: asks,
    rejectUnauthorized: false,
  });
  const failure = await outcome(stream, deadline);
  acknowledge(socket);
  if (failure !== undefined) {
    const { address, log } = client;
    log(Severity.error, `Error: Could not complete SSL handshake with ${address}: ${failure}`);
  } else if (isWelcome(stream, setup, client)) return stream;
  stream.destroy();
  socket.destroy();
  return undefined;
}

/**
 * Acknowledges the client's last message of the handshake at once: to TLS 1.3 the agent has nothing to
 * say then, and clients hold their query back until they have its acknowledgement (Nagle's algorithm),
 * which the kernel would delay for some 40 ms.
 */
function acknowledge(socket: Socket): void {
  const fd = descriptorOf(socket);
  if (fd !== undefined) acknowledgeNow(fd);
}

/** Waits for the end of a handshake: nothing when it is done, else why it is not. */
function outcome(stream: TLSSocket, deadline: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const begun = now();
  const timer = setTimeout(() => {
    resolve(`timeout ${Math.round((now() - begun) / 1000)} seconds`);
  }, deadline - begun);
  stream.on("secure", () => resolve(undefined));
  // This one stays: an error of a later time must have someone who hears it.
  stream.on(
    "error",
    ({ code, message }: NodeJS.ErrnoException) => resolve(explainFailure(code, message)),
  );
  stream.on("close", () => resolve("the client closed the connection"));
  return promise.finally(() => clearTimeout(timer));
}

function isWelcome(stream: TLSSocket, setup: TlsSetup, { address, port, log }: Client): boolean {
  const say = (bit: number, message: string) => {
    if ((setup.logging & bit) !== 0) log(Severity.notice, message);
  };
  const version = stream.getProtocol();
  say(TlsLogging.address, `SSL connection from ${address} port ${port}`);
  say(TlsLogging.version, `Remote ${address} - SSL Version: ${version}`);
  say(
    TlsLogging.cipher,
    `Remote ${address} - ${version}, Cipher is ${stream.getCipher().standardName}`,
  );
  if (setup.clientCertificates === "none") {
    say(TlsLogging.hasCertificate, "SSL Not asking for client certification");
    return true;
  }
  const certificate = stream.getPeerCertificate() as PeerCertificate | undefined;
  if (certificate?.subject === undefined) {
    const missing = `SSL Client ${address} did not present a certificate`;
    say(TlsLogging.hasCertificate, missing);
    if (setup.clientCertificates === "asked") return true;
    const refused = `Error: Could not complete SSL handshake with ${address}`;
    log(Severity.error, `${refused}: the client did not present a certificate`);
    return false;
  }
  const [subject, issuer] = [nameOf(certificate.subject), nameOf(certificate.issuer)];
  say(
    TlsLogging.hasCertificate,
    `SSL Client ${address} has ${stream.authorized ? "a valid" : "an invalid"} certificate`,
  );
  say(TlsLogging.certificate, `SSL Client ${address} Cert Name: ${subject}`);
  say(TlsLogging.certificate, `SSL Client ${address} Cert Issuer: ${issuer}`);
  if (stream.authorized) return true;
  const code = String(stream.authorizationError);
  log(
    Severity.error,
    `SSL Client ${address} has an invalid certificate: ${subject} (issuer=${issuer}) err=${code}: ${
      explainCertificate(code)
    }`,
  );
  return false;
}

/** A distinguished name on one line, as a byte string: `/C=DE/O=Example/CN=monitor`. */
function nameOf(name: object | undefined): string {
  const parts = Object.entries(name ?? {}).flatMap(([type, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `/${type}=${one}`)
  );
  return byteStringOf(parts.join(""));
}
