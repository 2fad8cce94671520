import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { VERSION } from "../../lib/version.ts";
import { BINARY, type Room } from "../../tests/support/room.ts";
import { rpmbuildCommand } from "../package.ts";
import { makeDeb } from "../package/deb.ts";
import { orderFor } from "../package/order.ts";
import { makeRpm } from "../package/rpm.ts";

/** A version that comes before every other one. */
export const OLDER = "0.0.9";

/** The packages that are tried: of this version, and of an older one that differs where it matters. */
export interface Repository {
  /** A directory that apt takes for a repository. */
  readonly directory: string;
  /** The names of the files in it. */
  readonly deb: string;
  readonly olderDeb: string;
  readonly rpm: string;
  readonly olderRpm: string;
  /** A package with the service and the configuration of the C agent of EPEL. */
  readonly cAgentRpm: string;
}

/** Another sample and another conffile, which no administrator has touched. */
const AGE = `set -e
dpkg-deb -R "$1" aged
echo '# older' >> aged/usr/share/nrpe-one/nrpe.cfg
echo '# older' >> aged/etc/logrotate.d/nrpe-one
sed -i "s/^Version: .*/Version: $2/" aged/DEBIAN/control
(cd aged; find * -path DEBIAN -prune -o -type f -exec md5sum {} +) > sums
mv sums aged/DEBIAN/md5sums
dpkg-deb --root-owner-group -Znone -b aged "$3"
rm -r aged`;

const C_AGENT_SPEC = `Name: nrpe
Version: 4.1.0
Release: 1
Summary: What the C agent's package has
License: none
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/etc/nagios %{buildroot}/usr/lib/systemd/system %{buildroot}/usr/sbin
printf '#!/bin/sh\\nexec sleep infinity\\n' > %{buildroot}/usr/sbin/nrpe
chmod 755 %{buildroot}/usr/sbin/nrpe
printf 'pid_file=/run/nrpe/nrpe.pid\\ncommand[old]=/bin/echo old\\n' > %{buildroot}/etc/nagios/nrpe.cfg
printf '[Service]\\nExecStart=/usr/sbin/nrpe\\n[Install]\\nWantedBy=multi-user.target\\n' > %{buildroot}/usr/lib/systemd/system/nrpe.service
%preun
[ "$1" != 0 ] || systemctl --no-reload disable --now nrpe.service || :
%postun
systemctl daemon-reload || :
%files
%config(noreplace) /etc/nagios/nrpe.cfg
/usr/lib/systemd/system/nrpe.service
%attr(755, root, root) /usr/sbin/nrpe
`;

/** Makes the packages of dist/nrpe in a room, quickly. */
export function makeRepository(room: Room): Repository {
  const directory = join(room.path, "repository");
  const work = join(room.path, "work");
  for (const name of [directory, work, join(work, "new"), join(work, "old")]) mkdirSync(name);
  const order = orderFor(BINARY, VERSION, directory);
  const deb = makeDeb(order, join(work, "new"), ["-Zgzip", "-z1"]);
  const olderDeb = join(directory, `nrpe-one_${OLDER}_${order.program.architecture}.deb`);
  run(work, "sh", "-c", AGE, "sh", deb, OLDER, olderDeb);
  const rpmbuild = rpmbuildCommand();
  const rpm = makeRpm(order, join(work, "new"), rpmbuild, "w1.gzdio");
  const olderRpm = makeRpm({ ...order, version: OLDER }, join(work, "old"), rpmbuild, "w1.gzdio");
  const spec = room.file("nrpe.spec", C_AGENT_SPEC);
  run(work, ...rpmbuild, "-bb", "--quiet", "--define", `_topdir ${work}/c`, spec);
  const cAgentRpm = "nrpe-4.1.0-1.noarch.rpm";
  run(work, "cp", `c/RPMS/noarch/${cAgentRpm}`, directory);
  return {
    directory,
    deb: basename(deb),
    olderDeb: basename(olderDeb),
    rpm: basename(rpm),
    olderRpm: basename(olderRpm),
    cAgentRpm,
  };
}

/** Writes the index of a repository that apt reads from a directory, see deb(5) and sources.list(5). */
export function writeIndex(directory: string, archives: readonly string[], index: string): void {
  const paragraphs = archives.map((path) => {
    const bytes = readFileSync(path);
    return [
      run(directory, "dpkg-deb", "-f", path).trimEnd(),
      `Filename: ./${basename(path)}`,
      `Size: ${statSync(path).size}`,
      `SHA256: ${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`,
      "",
    ].join("\n");
  });
  writeFileSync(index, paragraphs.join("\n"));
}

function run(cwd: string, ...command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd });
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}: ${stderr.toString()}`);
  return stdout.toString();
}
