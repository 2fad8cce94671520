import type { Config } from "../config/config.ts";

/** Whether the file that a directive names holds the private key. */
export function holdsKey(
  directive: string,
  { ssl_privatekey_file: key, ssl_cert_file: certificate }: Config,
): boolean {
  return directive === "ssl_privatekey_file" ||
    (directive === "ssl_cert_file" && (key === undefined || key === certificate));
}
