import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  TRUE,
  utf8String,
} from "./der.ts";

/** A certificate and its private key, both in PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
const COMMON_NAME = objectIdentifier("2.5.4.3");
const BASIC_CONSTRAINTS = objectIdentifier("2.5.29.19");
const KEY_USAGE = objectIdentifier("2.5.29.15");
const EXTENDED_KEY_USAGE = objectIdentifier("2.5.29.37");
const SERVER_AUTHENTICATION = objectIdentifier("1.3.6.1.5.5.7.3.1");
const SUBJECT_ALTERNATIVE_NAME = objectIdentifier("2.5.29.17");
const VERSION_3 = element(0xa0, integer(Uint8Array.of(2)));
const DIGITAL_SIGNATURE = Uint8Array.of(0x80);
const DIGITAL_SIGNATURE_UNUSED = 7;

const DAY = 24 * 60 * 60 * 1000;
const VALID_DAYS = 3650;
/** How long a certificate is valid, in milliseconds. */
export const LIFETIME = (1 + VALID_DAYS) * DAY;
/** The longest common name, RFC 5280, appendix A. */
const LONGEST_COMMON_NAME = 64;

/**
 * Makes an ECDSA key on P-256 and a self-signed certificate (RFC 5280) for a host name, valid for ten
 * years from a day before `now`.
 */
export function makeSelfSigned(host: string, now: Date): KeyAndCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "prime256v1",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const begin = now.getTime() - DAY;
  const commonName = utf8String(host.slice(0, LONGEST_COMMON_NAME) || "nrpe");
  const name = sequence(set(sequence(COMMON_NAME, commonName)));
  const signed = sequence(
    VERSION_3,
    integer(randomBytes(16)),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(new Date(begin)), time(new Date(begin + LIFETIME))),
    name,
    publicKey,
    element(0xa3, sequence(...extensions(host))),
  );
  const signature = sign("sha256", signed, createPrivateKey(privateKey));
  const certificate = sequence(signed, ECDSA_WITH_SHA256, bitString(signature));
  return { key: privateKey, certificate: pem("CERTIFICATE", certificate) };
}

function extensions(host: string): readonly Uint8Array[] {
  const usage = octetString(bitString(DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_UNUSED));
  const always = [
    sequence(BASIC_CONSTRAINTS, TRUE, octetString(sequence())),
    sequence(KEY_USAGE, TRUE, usage),
    sequence(EXTENDED_KEY_USAGE, octetString(sequence(SERVER_AUTHENTICATION))),
  ];
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host)) return always;
  const dnsName = element(0x82, Buffer.from(host, "latin1"));
  return [...always, sequence(SUBJECT_ALTERNATIVE_NAME, octetString(sequence(dnsName)))];
}

/** The PEM text of RFC 7468. */
function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
