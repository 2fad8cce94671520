/**
 * A value of byte strings as one line of JSON, its newline included.
 *
 * JSON is UTF-8 (RFC 8259, section 8.1): where the bytes above 0x7f are not, each is escaped as the
 * character of ISO 8859-1.
 */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value);
  const text = isUtf8(json)
    ? json
    : json.replace(/[\x80-\xff]/g, (byte) => `\\u00${byte.charCodeAt(0).toString(16)}`);
  return `${text}\n`;
}

function isUtf8(text: string): boolean {
  return !/[\x80-\xff]/.test(text) ||
    !Buffer.from(text, "latin1").toString("utf8").includes("\ufffd");
}
