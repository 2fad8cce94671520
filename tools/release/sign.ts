import { rmSync } from "node:fs";
import { join } from "node:path";

/** What signatures are for, see "namespace" in ssh-keygen(1). */
export const NAMESPACE = "nrpe-release";

/**
 * Signs SHA256SUMS of a directory with a private key, as SHA256SUMS.sig. The key may be one of an agent
 * or of a security key, and ssh-keygen(1) may ask for its pass phrase.
 *
 * @throws {Error} when it is not signed.
 */
export function sign(directory: string, key: string): void {
  const sums = join(directory, "SHA256SUMS");
  // ssh-keygen asks before it replaces one.
  rmSync(`${sums}.sig`, { force: true });
  const { exitCode } = Bun.spawnSync(
    ["ssh-keygen", "-Y", "sign", "-f", key, "-n", NAMESPACE, sums],
    { stdio: ["inherit", "inherit", "inherit"] },
  );
  if (exitCode !== 0) throw new Error(`ssh-keygen ended with ${exitCode}: not signed`);
}
