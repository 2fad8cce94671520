const HANDSHAKE = 0x16;
const MAJOR_VERSION = 3;
const CLIENT_HELLO = 1;
/** The offset of a record's content, RFC 8446, 5.1. */
const CONTENT_AT = 5;
/** The first bit of a length of two bytes, in a record of SSL 2.0. */
const SHORT_HEADER = 0x80;

/**
 * Whether a client's first bytes are a ClientHello: of SSL 3.0 and TLS (RFC 8446, 5.1 and 4.1.2) or of
 * SSL 2.0 (RFC 5246, E.2). Packets of NRPE begin with a zero.
 *
 * @param received All bytes received so far; two are enough for TLS, four for SSL 2.0.
 */
export function isClientHello(received: Uint8Array): boolean {
  if (received[0] === HANDSHAKE) {
    const type = received[CONTENT_AT];
    return received[1] === MAJOR_VERSION && (type === undefined || type === CLIENT_HELLO);
  }
  if (received.length < 4 || (received[0]! & SHORT_HEADER) === 0) return false;
  const [major, minor] = [received[3]!, received[4]];
  return received[2] === CLIENT_HELLO && (major === MAJOR_VERSION || (major === 0 && minor === 2));
}
