/** Reads the Distinguished Encoding Rules (ITU-T X.690), as far as certificates and CRLs need them. */

import { decodeBytes } from "../bytes.ts";

/** Bytes that are not what they should be. */
export class Malformed extends Error {}

/** An element of which the bytes are checked, but not those of its content. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly whole: Uint8Array;
}

/** Universal types (X.680, 8.6) as identifier bytes; sequence and set are constructed. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const LONG_TAG = 0x1f;
const LONG_LENGTH = 0x80;
/** Lengths of four bytes are enough for any file that is read. */
const MOST_LENGTH_BYTES = 4;

/**
 * Reads the element at an offset.
 * @throws {Malformed}
 */
export function elementAt(bytes: Uint8Array, at: number): Element {
  const tag = byteAt(bytes, at);
  if ((tag & LONG_TAG) === LONG_TAG) throw new Malformed("a tag of several bytes");
  const first = byteAt(bytes, at + 1);
  let start = at + 2;
  let length = first;
  if (first >= LONG_LENGTH) {
    const count = first - LONG_LENGTH;
    if (count < 1 || count > MOST_LENGTH_BYTES) throw new Malformed("a length that is not DER");
    length = 0;
    for (const end = start + count; start < end; start++) {
      length = length * 0x100 + byteAt(bytes, start);
    }
    const isShortest = length >= LONG_LENGTH && length >= 0x100 ** (count - 1);
    if (!isShortest) throw new Malformed("a length that is not DER");
  }
  const end = start + length;
  if (end > bytes.length) throw new Malformed("an element ends too early");
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new Malformed("an element ends too early");
  return byte;
}

/**
 * The one element of some bytes.
 * @throws {Malformed} also where it is of another type, or more follows.
 */
export function onlyElement(bytes: Uint8Array, tag: number): Element {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw new Malformed("more follows an element");
  return expectTag(element, tag);
}

/** @throws {Malformed} where an element is missing or of another type. */
export function expectTag(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new Malformed("an element of another type than expected");
  return element;
}

/**
 * The elements that some bytes consist of, one after the other.
 * @throws {Malformed}
 */
export function* elementsIn(bytes: Uint8Array): Generator<Element, void> {
  for (let at = 0; at < bytes.length;) {
    const element = elementAt(bytes, at);
    yield element;
    at += element.whole.length;
  }
}

/**
 * An object identifier in dotted form.
 * @throws {Malformed}
 */
export function identifierOf(element: Element | undefined): string {
  const { content } = expectTag(element, Tag.objectIdentifier);
  const arcs: number[] = [];
  let arc = 0;
  for (const [at, byte] of content.entries()) {
    arc = arc * 0x80 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 0x80) throw new Malformed("an object identifier too large");
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    } else if (at === content.length - 1) {
      throw new Malformed("an object identifier ends too early");
    }
  }
  const first = arcs.shift();
  if (first === undefined) throw new Malformed("an object identifier without arcs");
  const root = Math.min(2, Math.trunc(first / 40));
  return [root, first - root * 40, ...arcs].join(".");
}

/**
 * A time in milliseconds since 1970, see RFC 5280, 4.1.2.5.
 * @throws {Malformed}
 */
export function timeOf({ tag, content }: Element): number {
  const text = decodeBytes(content);
  const isShort = tag === Tag.utcTime;
  if (!isShort && tag !== Tag.generalizedTime) throw new Malformed("no time where one is expected");
  const parts = (isShort ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : LONG_TIME).exec(text);
  if (parts === null) throw new Malformed("a time that is not as in RFC 5280");
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as Six;
  const whole = isShort ? year + (year < 50 ? 2000 : 1900) : year;
  const time = new Date(0);
  time.setUTCFullYear(whole, month - 1, day);
  time.setUTCHours(hour, minute, second);
  return time.getTime();
}

const LONG_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
type Six = [number, number, number, number, number, number];
