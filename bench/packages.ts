import { existsSync } from "node:fs";
import { type Peer, PEERS } from "../tests/support/peers.ts";

/** The peers of the bench beside openssl and unshare, which Debian's base system brings. */
const NEEDED: readonly Peer[] = ["checkNrpe", "agent", "plugins", "inetd", "tcpd"];

/** The packages that are not installed though the bench needs them. */
export function missingPackages(): string[] {
  const missing = NEEDED.filter((peer) => !existsSync(PEERS[peer].path));
  const names: string[] = missing.map((peer) => PEERS[peer].package);
  if (Bun.which("openssl") === null) names.push("openssl");
  return names;
}

/** The versions of the peers' packages. */
export function packageVersions(): Record<string, string> {
  const names = NEEDED.map((peer) => PEERS[peer].package);
  const query = Bun.spawnSync(["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", ...names]);
  const lines = String(query.stdout).trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(" ") as [string, string]));
}
