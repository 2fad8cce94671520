/** A cipher list of nrpe.cfg as the TLS library takes it. */
export interface CipherList {
  /** Nothing where the library's own list is meant. */
  readonly ciphers: string | undefined;
  /** What was left out. */
  readonly dropped: readonly string[];
}

/**
 * Takes out of an OpenSSL cipher list what the TLS library doesn't know and can do without:
 * `@SECLEVEL=n`, OpenSSL's notion of how strong a key must be.
 */
export function readCipherList(text: string | undefined): CipherList {
  const words = (text ?? "").split(/[:, ;]+/).filter((word) => word !== "");
  const dropped = words.filter((word) => /^@SECLEVEL=/i.test(word));
  const kept = words.filter((word) => !dropped.includes(word));
  return { ciphers: kept.length === 0 ? undefined : kept.join(":"), dropped };
}
