/**
 * Certificate revocation lists (RFC 5280, 5). The TLS library applies them to each handshake; what is
 * read here is whether it can, and until when.
 */
import { verify, X509Certificate } from "node:crypto";
import { decodeBytes } from "../bytes.ts";
import { namesText } from "../config/match_subjects.ts";
import { attributesOf, certificateParts, extensionsIn } from "./certificate_names.ts";
import {
  type Element,
  elementAt,
  elementsIn,
  expectTag,
  identifierOf,
  Malformed,
  onlyElement,
  Tag,
  timeOf,
} from "./der_reader.ts";

/** A CRL. */
export interface Crl {
  /** In PEM. */
  readonly pem: string;
  /** The name of the CA, as text. */
  readonly issuer: string;
  /** Whether that is a CA of `ssl_cacert_file`; another one may be in the chain that a client sends. */
  readonly known: boolean;
  /** When it was made, and when the next one is due, in milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

/** The CRLs of a file. */
export interface Crls {
  readonly lists: readonly Crl[];
  /** The names of the CAs without a CRL, as text: the library refuses all their certificates. */
  readonly without: readonly string[];
  /** When the first CA is without a CRL in force, in seconds since 1970. */
  readonly expiry: number;
}

/** A CRL that cannot be applied; the message says why. */
export class UnusableCrl extends Error {}

/** A CA of `ssl_cacert_file`. */
interface Ca {
  readonly x509: X509Certificate;
  /** Its name in DER, as a byte string. */
  readonly name: string;
  readonly text: string;
}

const BEGIN = "-----BEGIN X509 CRL-----";
const CRL = /-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g;
const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g;

/**
 * Reads the CRLs of a file.
 *
 * @param pem The CRLs, in PEM.
 * @param cas The certificates of the CAs, in PEM.
 * @throws {UnusableCrl} where there is none, or one is damaged, incomplete, or not signed by its CA.
 */
export function readCrls(pem: string, cas: string): Crls {
  const known = casIn(cas);
  const blocks = [...pem.matchAll(CRL)];
  const begun = pem.split(BEGIN).length - 1;
  if (begun === 0) throw new UnusableCrl("no PEM block of that kind is in it");
  if (blocks.length < begun) throw new UnusableCrl("a PEM block is damaged");
  const names = new Set<string>();
  const lists = blocks.map(([block, base64], at) => {
    const what = blocks.length === 1 ? "the CRL" : `CRL ${at + 1}`;
    const { name, ...crl } = readCrl(Buffer.from(base64!, "base64"), known, what);
    names.add(name);
    return { pem: block, ...crl };
  });
  const without = known.filter(({ name }) => !names.has(name)).map(({ text }) => text);
  const expiry = Math.min(...latestOf(lists).map(({ nextUpdate }) => nextUpdate)) / 1000;
  return { lists, without: [...new Set(without)], expiry };
}

function casIn(pem: string): readonly Ca[] {
  return (pem.match(CERTIFICATE) ?? []).flatMap((text) => {
    try {
      const x509 = new X509Certificate(text);
      const { subject } = certificateParts(x509.raw);
      return [{ x509, name: decodeBytes(subject.whole), text: namesText(attributesOf(subject)) }];
    } catch {
      // Damaged: the TLS library says so.
      return [];
    }
  });
}

type NamedCrl = Omit<Crl, "pem"> & { readonly name: string };

/** @param what How a message calls the CRL. */
function readCrl(der: Uint8Array, cas: readonly Ca[], what: string): NamedCrl {
  try {
    return parseCrl(der, cas, what);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new UnusableCrl(`${what} is damaged: ${error.message}`);
  }
}

function parseCrl(der: Uint8Array, cas: readonly Ca[], what: string): NamedCrl {
  const [signed, algorithm, signature] = elementsIn(onlyElement(der, Tag.sequence).content);
  const parts = [...elementsIn(expectTag(signed, Tag.sequence).content)];
  if (parts[0]?.tag === Tag.integer) parts.shift();
  const [inner, issuerName, thisUpdate] = parts.splice(0, 3);
  const issuer = namesText(attributesOf(expectTag(issuerName, Tag.sequence)));
  if (thisUpdate === undefined) throw new Malformed("an element ends too early");
  if (decodeBytes(inner!.whole) !== decodeBytes(expectTag(algorithm, Tag.sequence).whole)) {
    throw new Malformed("it names two algorithms");
  }
  const fail = (why: string) => new UnusableCrl(`${what} of ${issuer} ${why}`);
  const nextUpdate = isTime(parts[0]) ? parts.shift() : undefined;
  // RFC 5280, 5.1.2.5, requires it. Without it a list would be in force for ever.
  if (nextUpdate === undefined) throw fail("does not say when the next one is due");
  const entries = parts[0]?.tag === Tag.sequence ? parts.shift() : undefined;
  const [extensions] = parts;
  const problem = extensions === undefined
    ? undefined
    : problemOf(onlyElement(expectTag(extensions, EXTENSIONS).content, Tag.sequence));
  if (problem !== undefined) throw fail(problem);
  for (const entry of entries === undefined ? [] : elementsIn(entries.content)) {
    const [, , more] = elementsIn(expectTag(entry, Tag.sequence).content);
    if (more !== undefined && hasCritical(more)) {
      throw fail("has an entry with a critical extension that is not understood");
    }
  }
  const name = decodeBytes(issuerName!.whole);
  const issuers = cas.filter((ca) => ca.name === name);
  const [unused, ...bits] = expectTag(signature, Tag.bitString).content;
  if (unused !== 0) throw new Malformed("a signature of some bits");
  const isSigned = signatureCheck(inner!, signed!.whole, Uint8Array.from(bits));
  if (issuers.length > 0 && !issuers.some(isSigned)) {
    throw fail("is not signed by that CA of ssl_cacert_file");
  }
  const known = issuers.length > 0;
  return { name, issuer, known, thisUpdate: timeOf(thisUpdate), nextUpdate: timeOf(nextUpdate) };
}

const EXTENSIONS = 0xa0;

function isTime(element: Element | undefined): boolean {
  return element?.tag === Tag.utcTime || element?.tag === Tag.generalizedTime;
}

/** The extensions of a CRL that is one of several, RFC 5280, 5.2. */
const INCOMPLETE: Readonly<Record<string, string>> = {
  "2.5.29.27": "is a delta CRL, which says only what has changed since another one",
  "2.5.29.28": "has an issuingDistributionPoint: it is for some certificates only, or indirect",
};

function problemOf(list: Element): string | undefined {
  for (const [identifier, { critical }] of extensionsIn(list)) {
    const incomplete = INCOMPLETE[identifier];
    if (incomplete !== undefined) return incomplete;
    if (critical) return `has the critical extension ${identifier}, which is not understood`;
  }
  return undefined;
}

function hasCritical(list: Element): boolean {
  return [...extensionsIn(expectTag(list, Tag.sequence)).values()].some(({ critical }) => critical);
}

/** Hashes by the object identifiers of signature algorithms; null where the algorithm has its own. */
const HASHES: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": null,
};

/** Whether a CA has signed; of another algorithm that is left to the TLS library. */
function signatureCheck(
  algorithm: Element,
  signed: Uint8Array,
  signature: Uint8Array,
): (ca: Ca) => boolean {
  const hash = HASHES[identifierOf(elementAt(algorithm.content, 0))];
  if (hash === undefined) return () => true;
  return ({ x509 }) => {
    try {
      return verify(hash, signed, x509.publicKey, signature);
    } catch {
      // A key of another kind.
      return false;
    }
  };
}

/** The CAs of which no CRL is in force, and why: the library refuses all their certificates. */
export function outdatedIn(
  { lists }: Crls,
  now: number,
): readonly { readonly issuer: string; readonly why: string }[] {
  const isInForce = ({ thisUpdate, nextUpdate }: Crl) => thisUpdate <= now && now < nextUpdate;
  return latestOf(lists).flatMap(({ issuer, thisUpdate, nextUpdate }) => {
    if (lists.some((crl) => crl.issuer === issuer && isInForce(crl))) return [];
    const why = nextUpdate <= now
      ? `expired at ${new Date(nextUpdate).toISOString()}`
      : `is not valid before ${new Date(thisUpdate).toISOString()}`;
    return [{ issuer, why }];
  });
}

/** Of several CRLs of a CA the one that expires last. */
export function latestOf(lists: readonly Crl[]): readonly Crl[] {
  const latest = new Map<string, Crl>();
  for (const crl of lists) {
    const other = latest.get(crl.issuer);
    if (other === undefined || other.nextUpdate < crl.nextUpdate) latest.set(crl.issuer, crl);
  }
  return [...latest.values()];
}
