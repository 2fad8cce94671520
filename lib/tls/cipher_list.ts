/** A cipher list of nrpe.cfg as the TLS library takes it. */
interface CipherList {
  /** Nothing where the library's own list is meant. */
  readonly ciphers: string | undefined;
  /** Whether only suites of TLS 1.3 are named. The library does not choose among them. */
  readonly newestOnly: boolean;
  /** What was left out. */
  readonly dropped: readonly string[];
}

/**
 * Takes out of an OpenSSL cipher list what the TLS library doesn't know and can do without:
 * `@SECLEVEL=n`, OpenSSL's notion of how strong a key must be.
 */
export function readCipherList(text: string | undefined): CipherList {
  if (text === undefined) return { ciphers: undefined, newestOnly: false, dropped: [] };
  const words = text.split(/[:, ;]+/).filter((word) => word !== "");
  const dropped = words.filter((word) => /^@SECLEVEL=/i.test(word));
  const kept = words.filter((word) => !dropped.includes(word));
  const older = kept.filter((word) => !word.startsWith("TLS_"));
  return {
    ciphers: older.length === 0 ? undefined : older.join(":"),
    newestOnly: older.length < kept.length && older.length === 0,
    dropped,
  };
}
