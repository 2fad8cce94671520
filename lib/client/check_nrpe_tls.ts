import { createSecureContext } from "node:tls";
import { nameOfAlert } from "../tls/alert.ts";
import { readCipherList } from "../tls/cipher_list.ts";
import { decodeBytes } from "../bytes.ts";
import { printable } from "../log.ts";
import { describeErrno, readFile, SystemError } from "../system/libc.ts";
import { secureAnonymously } from "./anonymous_tls.ts";
import type { PlainChannel } from "./channel.ts";
import type { Check } from "./check_nrpe_cli.ts";
import { secure, type SecureChannel, type Securing, type TlsDemands } from "./secure.ts";

/** What a check asks of TLS. */
export interface CheckTls {
  readonly demands: TlsDemands;
  /** Whether the agent must have a certificate of a CA that is given. */
  readonly verify: boolean;
  /** Whether the agent may have no certificate, before or after one was asked for. */
  readonly anonymous: "never" | "before" | "after";
}

/** TLS of a check, or why it cannot be had. */
export type LoadedTls =
  | { readonly kind: "tls"; readonly tls: CheckTls }
  | { readonly kind: "failure"; readonly reason: string };

class Unusable extends Error {}

/** The largest PEM file, in bytes. */
const LARGEST_PEM = 4 * 1024 * 1024;

/** Reads certificate, key and CA, and tries them and the cipher list. */
export function loadCheckTls(check: Check): LoadedTls {
  try {
    const ciphers = ciphersOf(check);
    const pair = pairOf(check);
    const ca = caOf(check);
    const demands = { minVersion: check.leastTls, maxVersion: check.mostTls };
    // Made before the connection, so that the ClientHello follows it at once.
    const secureContext = createSecureContext({ ...demands, ...ciphers, ...pair, ...ca });
    const tls = { demands: { secureContext }, verify: "ca" in ca, anonymous: anonymousOf(check) };
    return { kind: "tls", tls };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    return { kind: "failure", reason: error.message };
  }
}

/**
 * When anonymous key agreement is tried. It authenticates nobody, so a CA rules it out. It exists up to
 * TLS 1.2, RFC 8446, 1.3.
 */
function anonymousOf(check: Check): CheckTls["anonymous"] {
  const { ca, ciphers = "ALL", leastTls, mostTls, anonymous } = check;
  const words = ciphers.toUpperCase().split(/[:, ;]+/);
  const named = words.some((word) => word === "ALL" || /^(ADH|ANULL|DEFAULT)/.test(word));
  const excluded = words.some((word) => /^[!-](ADH|ANULL)$/.test(word));
  const versions = leastTls !== "TLSv1.3" && (mostTls === "TLSv1.2" || mostTls === "TLSv1.3");
  if (ca !== undefined || !named || excluded || !versions) return "never";
  return anonymous === 2 ? "before" : "after";
}

function ciphersOf({ ciphers }: Check): TlsDemands {
  const list = readCipherList(ciphers).ciphers;
  if (list === undefined) return {};
  attempt({ ciphers: list }, () =>
    `Error: Could not set SSL/TLS cipher list: ${ciphers}\n` +
    `Could not set SSL/TLS cipher list '${ciphers}': no cipher match`);
  return { ciphers: list };
}

function pairOf({ certificate, key }: Check): TlsDemands {
  if (certificate === undefined || key === undefined) return {};
  const cert = pemOf(certificate, "certificate file");
  attempt({ cert }, () => unusable("certificate file", certificate));
  const pair = { cert, key: pemOf(key, "private key file") };
  attempt(pair, () => unusable("private key file", key));
  return pair;
}

function caOf({ ca }: Check): TlsDemands {
  if (ca === undefined) return {};
  const certificates = pemOf(ca, "CA certificate");
  if (!certificates.includes("-----BEGIN")) throw new Unusable(unusable("CA certificate", ca));
  attempt({ ca: certificates }, () => unusable("CA certificate", ca));
  return { ca: certificates };
}

function unusable(kind: string, path: string): string {
  return `Error: could not use ${kind} '${printable(path)}'.`;
}

function pemOf(path: string, kind: string): string {
  try {
    const bytes = readFile(path, LARGEST_PEM);
    if (bytes.byteLength > LARGEST_PEM) {
      throw new Unusable(`${unusable(kind, path)}\nIt is larger than ${LARGEST_PEM} bytes`);
    }
    return decodeBytes(bytes);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new Unusable(`${unusable(kind, path)}\n${describeErrno(error.errno)}`);
  }
}

/** Tries demands; the library rejects them with an exception. */
function attempt(demands: TlsDemands, problem: () => string): void {
  try {
    createSecureContext(demands);
  } catch {
    throw new Unusable(problem());
  }
}

/** A connection, and how to make another one where the agent has ended it. */
export interface Connecting {
  readonly channel: PlainChannel;
  readonly reopen: () => Promise<PlainChannel>;
}

/** TLS, or why there is none; `reset` says that the agent does not talk to this client at all. */
export type CheckSecuring =
  | { readonly kind: "secure"; readonly channel: SecureChannel }
  | { readonly kind: "timed out" }
  | { readonly kind: "failed"; readonly reset: boolean; readonly reason: string };

/**
 * Starts TLS.
 * @param deadline In milliseconds of `now()`.
 */
export async function secureCheck(
  { channel, reopen }: Connecting,
  { demands, verify, anonymous }: CheckTls,
  deadline: number,
): Promise<CheckSecuring> {
  let securing = anonymous === "before"
    ? await secureAnonymously(channel, deadline)
    : await secure(channel, demands, deadline);
  if (securing.kind === "alert" && securing.alert === HANDSHAKE_FAILURE && anonymous !== "never") {
    const another = await reopen();
    securing = anonymous === "before"
      ? await secure(another, demands, deadline)
      : await secureAnonymously(another, deadline);
  }
  if (securing.kind === "timed out") return securing;
  if (securing.kind !== "secure") return { kind: "failed", ...reasonOf(securing) };
  const { doubt } = securing.channel;
  if (!verify || doubt === undefined) return securing;
  securing.channel.close();
  const reason = `certificate verify failed: ${doubt}`;
  return { kind: "failed", reset: false, reason };
}

const HANDSHAKE_FAILURE = 40;

function reasonOf(
  failure: Exclude<Securing, { readonly kind: "secure" | "timed out" }>,
): { readonly reset: boolean; readonly reason: string } {
  switch (failure.kind) {
    case "alert":
      return { reset: false, reason: `alert ${nameOfAlert(failure.alert)}` };
    case "closed":
      return { reset: failure.reset, reason: "the agent closed the connection" };
    case "failed":
      return { reset: false, reason: failure.reason };
  }
}
