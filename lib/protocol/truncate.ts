const CONTINUATION_LOW = 0x80;
const CONTINUATION_HIGH = 0xbf;
const LONGEST_CHARACTER = 4;

/**
 * Truncates a byte string at its first NUL, and to at most `limit` bytes, but not within a UTF-8
 * character (RFC 3629).
 */
export function truncate(text: string, limit: number): string {
  const nul = text.indexOf("\0");
  const whole = nul < 0 ? text : text.slice(0, nul);
  return whole.length <= limit ? whole : whole.slice(0, characterBoundary(whole, limit));
}

/** The last boundary of a UTF-8 character up to `at`; `at` itself where the text is not UTF-8. */
function characterBoundary(text: string, at: number): number {
  if (!isContinuation(text.charCodeAt(at))) return at;
  for (let lead = at - 1; lead > at - LONGEST_CHARACTER && lead >= 0; lead--) {
    const byte = text.charCodeAt(lead);
    if (isContinuation(byte)) continue;
    return byte >= 0xc2 && byte <= 0xf4 && lead + lengthFrom(byte) > at ? lead : at;
  }
  return at;
}

function isContinuation(byte: number): boolean {
  return byte >= CONTINUATION_LOW && byte <= CONTINUATION_HIGH;
}

function lengthFrom(leadByte: number): number {
  return leadByte >= 0xf0 ? 4 : leadByte >= 0xe0 ? 3 : 2;
}
