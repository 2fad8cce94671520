import type { Socket } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { distinguishedName } from "../tls/handshake.ts";
import { receivedAlert } from "../tls/explain_failure.ts";
import { isReadable } from "../system/libc.ts";
import { callAt } from "../system/timer.ts";
import { type Channel, channelOn, type PlainChannel } from "./channel.ts";

/** The agent's certificate. Its names are byte strings in the form `/O=Example/CN=agent`. */
export interface AgentCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** When it ends, in milliseconds since 1970. */
  readonly validTo: number;
  readonly selfSigned: boolean;
}

/** A connection with TLS on it. */
export interface SecureChannel extends Channel {
  /** `TLSv1.3`, say. */
  readonly version: string;
  /** The cipher suite, by its name in the RFCs. */
  readonly cipher: string;
  /** undefined for anonymous key agreement. */
  readonly certificate: AgentCertificate | undefined;
  /** Why the certificate is not valid: the library's X509_V_ERR_ name. */
  readonly doubt: string | undefined;
}

/** Why a handshake failed. */
export type HandshakeFailure =
  | { readonly kind: "timed out" }
  /** Closed or reset; `heard` says whether a byte had come. */
  | { readonly kind: "closed"; readonly reset: boolean; readonly heard: boolean }
  | { readonly kind: "alert"; readonly alert: number }
  | { readonly kind: "failed"; readonly code: string; readonly reason: string };

/** The result of a handshake. */
export type Securing =
  | { readonly kind: "secure"; readonly channel: SecureChannel }
  | HandshakeFailure;

/** What the client asks of TLS, in the runtime's words; PEM in byte strings. */
export type TlsDemands = Pick<
  ConnectionOptions,
  "ca" | "cert" | "ciphers" | "key" | "maxVersion" | "minVersion" | "secureContext"
>;

/**
 * Starts TLS. Every certificate is taken; whether it is valid is the caller's affair.
 *
 * @param deadline In milliseconds of `now()`.
 */
export async function secure(
  { socket }: PlainChannel,
  demands: TlsDemands,
  deadline: number,
): Promise<Securing> {
  // A server of TLS says nothing before it has heard the client: this is the end. The runtime would
  // report the end alone, and not the reset that answers the client's first bytes.
  if (isReadable(descriptorOf(socket))) return { kind: "closed", reset: true, heard: false };
  const { promise, resolve } = Promise.withResolvers<Securing>();
  // check_nrpe compares no names.
  const checkServerIdentity = () => undefined;
  const stream = connect({ ...demands, socket, rejectUnauthorized: false, checkServerIdentity });
  stream.on("error", (error: NodeJS.ErrnoException) => resolve(failureOf(error, socket.bytesRead)));
  stream.once(
    "close",
    () => resolve({ kind: "closed", reset: false, heard: socket.bytesRead > 0 }),
  );
  stream.once("secureConnect", () => {
    resolve({ kind: "secure", channel: secureChannelOn(stream) });
  });
  const timer = callAt(deadline, () => resolve({ kind: "timed out" }));
  const securing = await promise;
  timer.cancel();
  if (securing.kind !== "secure") stream.destroy();
  return securing;
}

/** The descriptor of a socket; its types lack it. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

function failureOf({ code = "", message }: NodeJS.ErrnoException, heard: number): HandshakeFailure {
  const alert = receivedAlert(message);
  if (alert !== undefined) return { kind: "alert", alert };
  if (code !== "ECONNRESET") return { kind: "failed", code, reason: message };
  // The runtime has one code for a reset and for an end, and this text for the reset.
  return { kind: "closed", reset: message === "read ECONNRESET", heard: heard > 0 };
}

function secureChannelOn(stream: TLSSocket): SecureChannel {
  return {
    ...channelOn(stream),
    // With close_notify.
    close: () => void stream.end(),
    version: stream.getProtocol() ?? "",
    cipher: stream.getCipher().standardName,
    certificate: certificateOf(stream),
    doubt: stream.authorized ? undefined : String(stream.authorizationError),
  };
}

function certificateOf(stream: TLSSocket): AgentCertificate | undefined {
  const certificate = stream.getPeerCertificate();
  if (certificate === null || certificate.subject === undefined) return undefined;
  const subject = distinguishedName(certificate.subject);
  const issuer = distinguishedName(certificate.issuer);
  return {
    subject,
    issuer,
    validTo: Date.parse(certificate.valid_to),
    selfSigned: subject === issuer,
  };
}
