import { existsSync } from "node:fs";
import { type Peer, PEERS } from "../tests/support/peers.ts";

/** The peers of the bench. openssl and unshare, which it needs too, are in Debian's base system. */
const NEEDED: readonly Peer[] = ["checkNrpe", "agent", "plugins", "inetd", "tcpd"];

/** The packages that the bench needs and that are not installed. */
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
