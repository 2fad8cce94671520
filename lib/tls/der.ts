/** The part of ASN.1's Distinguished Encoding Rules (ITU-T X.690) that a certificate needs. */

/** An element: its tag, the length of its content, and the content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  return Buffer.concat([Uint8Array.of(tag), lengthOf(body.byteLength), body]);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff];
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

export function sequence(...elements: readonly Uint8Array[]): Uint8Array {
  return element(0x30, ...elements);
}

/** SET of one element. */
export function set(member: Uint8Array): Uint8Array {
  return element(0x31, member);
}

/** INTEGER, not negative, from its bytes in big-endian order. */
export function integer(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = first < 0 ? Uint8Array.of(0) : bytes.subarray(first);
  const sign = significant[0]! >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0);
  return element(0x02, sign, significant);
}

/** BOOLEAN true. */
export const TRUE = element(0x01, Uint8Array.of(0xff));

/** BIT STRING, with a number of unused bits in the last byte. */
export function bitString(bytes: Uint8Array, unused = 0): Uint8Array {
  return element(0x03, Uint8Array.of(unused), bytes);
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return element(0x04, bytes);
}

export function utf8String(text: string): Uint8Array {
  return element(0x0c, Buffer.from(text, "utf8"));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split(".").map(Number) as [number, number, ...number[]];
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return element(0x06, Uint8Array.from(bytes));
}

/** A time by RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
export function time(date: Date): Uint8Array {
  const digits = `${date.toISOString().replace(/[-T:]|\.[0-9]+/g, "")}`;
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2), "latin1"))
    : element(0x18, Buffer.from(digits, "latin1"));
}
