/**
 * Byte strings: text with one character for each byte (ISO 8859-1).
 *
 * Requests, nrpe.cfg, access tables and plugin arguments have no declared encoding. As byte strings
 * they pass through the agent unchanged, and the language's string functions can search and split them.
 *
 * `Buffer` converts them, but is avoided: the runtime creates what a function mentions when the
 * function is first called, even if that line is not reached. `Buffer` takes 100 µs, a regular
 * expression 80, `Math` 45. A check under inetd takes some 6000 in all, and does without all three.
 */

/** Up to this length a loop is faster than the first use of Buffer. */
const SHORT = 2048;

const SPACE = 0x20;
const REPLACEMENT = "\ufffd";

let utf8: TextDecoder | undefined;

/** The bytes of a byte string. Characters above U+00FF lose their high byte. */
export function encodeBytes(text: string): Uint8Array {
  if (text.length > SHORT) return encodeLong(text);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

function encodeLong(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** The byte string of some bytes, from `start` up to but not including `end`. */
export function decodeBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const part = bytes.subarray(start, end);
  utf8 ??= new TextDecoder();
  const text = utf8.decode(part);
  // As many characters as bytes, and no replacement: it is ASCII.
  if (text.length === part.length && !text.includes(REPLACEMENT)) return text;
  return decodeLatin1(part);
}

function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The byte string of text that the runtime has decoded (argv, the environment). */
export function byteStringOf(text: string): string {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) return decodeLatin1(new TextEncoder().encode(text));
  }
  return text;
}

/**
 * A byte string without the blanks at its ends: those of isspace(3) in the C locale. `String.trim`
 * would also remove bytes of UTF-8 characters, such as 0xA0 in "à".
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  if (text.charCodeAt(0) > SPACE && text.charCodeAt(end - 1) > SPACE) return text;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Whether a byte is space, TAB, LF, VT, FF or CR, see isspace(3). */
export function isBlank(byte: number): boolean {
  return byte === SPACE || (byte >= 0x09 && byte <= 0x0d);
}
