/** A cipher list in the TLS library's terms. */
interface CipherList {
  /** undefined for the library's default. */
  readonly ciphers: string | undefined;
  /** Whether only suites of TLS 1.3 are named, among which the library allows no choice. */
  readonly newestOnly: boolean;
  readonly dropped: readonly string[];
}

/** Reads an OpenSSL cipher list, without `@SECLEVEL=n`, which the TLS library does not know. */
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
