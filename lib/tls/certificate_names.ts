/** The parts of a certificate that the runtime gives as flattened text only (RFC 5280, 4.1). */
import { addressText } from "../address.ts";
import { decodeBytes } from "../bytes.ts";
import { attributeKind, type CertificateName } from "../config/subjects.ts";
import {
  type Element,
  elementAt,
  elementsIn,
  expectTag,
  identifierOf,
  Malformed,
  onlyElement,
  Tag,
} from "./der_reader.ts";

/** The parts of a certificate that names are in. */
interface CertificateParts {
  readonly subject: Element;
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** An extension of a certificate, a CRL or an entry of one. */
export interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

/**
 * Takes a certificate apart.
 * @throws {Malformed}
 */
export function certificateParts(der: Uint8Array): CertificateParts {
  const certificate = onlyElement(der, Tag.sequence);
  const signed = [
    ...elementsIn(expectTag(elementAt(certificate.content, 0), Tag.sequence).content),
  ];
  if (signed[0]?.tag === VERSION) signed.shift();
  const [, , , , subject] = signed;
  const extensions = signed.find(({ tag }) => tag === EXTENSIONS);
  return {
    subject: expectTag(subject, Tag.sequence),
    extensions: extensions === undefined
      ? new Map()
      : extensionsIn(onlyElement(extensions.content, Tag.sequence)),
  };
}

/**
 * Extensions by their object identifiers in dotted form.
 * @throws {Malformed} also where one comes twice.
 */
export function extensionsIn({ content }: Element): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  for (const extension of elementsIn(content)) {
    const parts = [...elementsIn(expectTag(extension, Tag.sequence).content)];
    const identifier = identifierOf(parts[0]);
    const critical = parts[1]?.tag === Tag.boolean && parts[1].content[0] !== 0;
    const { content: value } = expectTag(parts.at(-1), Tag.octetString);
    if (extensions.has(identifier)) throw new Malformed("an extension that comes twice");
    extensions.set(identifier, { critical, value });
  }
  return extensions;
}

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

/**
 * The names of a certificate: the attributes of its subject, and its alternative names.
 * @throws {Malformed}
 */
export function certificateNames(der: Uint8Array): readonly CertificateName[] {
  const { subject, extensions } = certificateParts(der);
  const names = attributesOf(subject);
  const alternatives = extensions.get(SUBJECT_ALTERNATIVE_NAME);
  if (alternatives === undefined) return names;
  const list = onlyElement(alternatives.value, Tag.sequence);
  return [...names, ...[...elementsIn(list.content)].flatMap(alternativeName)];
}

/**
 * The attributes of a distinguished name, also those that share a relative one.
 * @throws {Malformed}
 */
export function attributesOf({ content }: Element): readonly CertificateName[] {
  const names: CertificateName[] = [];
  for (const relative of elementsIn(content)) {
    for (const attribute of elementsIn(expectTag(relative, Tag.set).content)) {
      const [type, value] = elementsIn(expectTag(attribute, Tag.sequence).content);
      const kind = attributeKind(identifierOf(type));
      names.push({ kind, value: value && textOf(value) });
    }
  }
  return names;
}

/** Kinds of alternative names by their tags, RFC 5280, 4.2.1.6. Others are not compared. */
function alternativeName({ tag, content }: Element): readonly CertificateName[] {
  switch (tag) {
    case 0x81:
      return [{ kind: "EMAIL:", value: asciiText(content) }];
    case 0x82:
      return [{ kind: "DNS:", value: asciiText(content) }];
    case 0x86:
      return [{ kind: "URI:", value: asciiText(content) }];
    case 0x87: {
      const isAddress = content.length === 4 || content.length === 16;
      return [{ kind: "IP:", value: isAddress ? addressText([...content]) : undefined }];
    }
    default:
      return [];
  }
}

/** The text of an attribute's value, as a byte string in UTF-8; undefined where it is none. */
function textOf({ tag, content }: Element): string | undefined {
  switch (tag) {
    case Tag.utf8String:
      return decoded("utf-8", content);
    case Tag.printableString:
    case Tag.ia5String:
      return asciiText(content);
    case Tag.bmpString:
      return content.length % 2 === 0 ? decoded("utf-16be", content) : undefined;
    // What is not ASCII in a TeletexString has no certain meaning.
    case Tag.teletexString:
      return asciiText(content);
    default:
      return undefined;
  }
}

function asciiText(content: Uint8Array): string | undefined {
  return content.every((byte) => byte < 0x80) ? decodeBytes(content) : undefined;
}

function decoded(encoding: "utf-8" | "utf-16be", content: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content);
    return decodeBytes(new TextEncoder().encode(text));
  } catch {
    return undefined;
  }
}
