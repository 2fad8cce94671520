/**
 * Byte strings: text whose every character stands for one byte (ISO 8859-1).
 *
 * Requests, nrpe.cfg, access tables and plugin arguments are bytes of no declared encoding. Kept as
 * byte strings they pass through the agent unchanged, whatever they hold, and still can be searched
 * and split with the language's own string functions.
 *
 * `Buffer` converts them, but is not used before it has to be. What the runtime provides is made
 * when a function that mentions it is first called, whether or not it gets to that line: `Buffer`
 * takes 100 µs, a regular expression 80, `Math` 45. A check under inetd, which is all over after
 * some 6000, does without all three.
 */

/** Up to this length a loop is quicker than Buffer is at its first use. */
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
  // As many characters as bytes, none of them a replacement: it was ASCII.
  if (text.length === part.length && !text.includes(REPLACEMENT)) return text;
  return decodeLatin1(part);
}

function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The byte string of text that the runtime has decoded already (argv, the environment). */
export function byteStringOf(text: string): string {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) return decodeLatin1(new TextEncoder().encode(text));
  }
  return text;
}

/**
 * A byte string without the blanks at its ends: space, TAB, LF, VT, FF and CR, isspace(3)'s in the C
 * locale. `String.trim` would take bytes of UTF-8 characters for blanks, 0xA0 in "à" for one.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  if (text.charCodeAt(0) > SPACE && text.charCodeAt(end - 1) > SPACE) return text;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Whether a byte is one of these blanks. */
export function isBlank(byte: number): boolean {
  return byte === SPACE || (byte >= 0x09 && byte <= 0x0d);
}
