/**
 * When a certificate expires, in seconds since 1970; undefined where it cannot be read.
 * @param pem The certificate, before those of its chain.
 */
export function expiryOf(pem: string): number | undefined {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  try {
    const time = Date.parse(new X509Certificate(pem).validTo);
    return Number.isNaN(time) ? undefined : time / 1000;
  } catch {
    // The TLS library accepts what the runtime's crypto may not.
    return undefined;
  }
}
