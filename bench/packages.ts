import { existsSync, readFileSync } from "node:fs";
import { type Peer, PEERS } from "../tests/support/peers.ts";

/** The peers of the bench. unshare, which it needs too, is in Debian's base system. */
const NEEDED: readonly Peer[] = ["checkNrpe", "agent", "plugins", "inetd", "tcpd", "openssl"];

/** The packages that the bench needs and that are not installed. */
export function missingPackages(): string[] {
  return NEEDED.filter((peer) => !existsSync(PEERS[peer].path)).map((peer) => PEERS[peer].package);
}

/** The versions of the peers' packages. */
export function packageVersions(): Record<string, string> {
  return Object.fromEntries(NEEDED.map((peer) => {
    const { package: name } = PEERS[peer];
    return [name, installedVersion(name) ?? unpackedVersion(name) ?? "unknown"];
  }));
}

function installedVersion(name: string): string | undefined {
  const query = Bun.spawnSync(["dpkg-query", "-W", "-f", "${Version}", name]);
  return query.exitCode === 0 ? String(query.stdout) : undefined;
}

/** The version of a package that is unpacked but not installed, by its changelog. */
function unpackedVersion(name: string): string | undefined {
  const changelog = `/usr/share/doc/${name}/changelog.Debian.gz`;
  if (!existsSync(changelog)) return undefined;
  const text = new TextDecoder().decode(Bun.gunzipSync(readFileSync(changelog)));
  return /\((\S+)\)/.exec(text)?.[1];
}
