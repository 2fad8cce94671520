/** What the .deb has to do where no systemd runs, as in a container: services may not be started there. */
import type { Room } from "../../tests/support/room.ts";
import { type DebianRoot, debianRoot } from "../boot/root.ts";
import { prepareRepository } from "./host.ts";
import { OLDER } from "./repository.ts";

/** It serves without a service manager, and is stopped by the removal. */
const LIFE = `set -e
exec < /dev/null
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
ask() { /usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1 "$@"; }
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -q update
apt-get -qy install nagios-nrpe-server
echo 'command[old]=/bin/echo old' >> /etc/nagios/nrpe.cfg
apt-get -qy install nrpe-one=$1
! pgrep -x nrpe
start-stop-daemon --start --exec /usr/sbin/nrpe -- -c /etc/nagios/nrpe.cfg -d
[ "$(ask -c old)" = old ]
apt-get -qy install nrpe-one
[ "$(ask -c old)" = old ]
dpkg --purge nagios-nrpe-server
[ "$(ask -c old)" = old ]
apt-get -qy purge nrpe-one
! pgrep -x nrpe
[ ! -e /var/lib/nrpe ]
[ ! -e /run/nagios ]
[ -z "$(dpkg-divert --list '*nrpe*')" ]
tail -n 1 /etc/nagios/nrpe.cfg | grep -q old
rm -r /etc/nagios
apt-get -qy install nrpe-one
grep -q check_load /etc/nagios/nrpe.cfg
apt-get -qy purge nrpe-one
[ ! -e /etc/nagios ]
`;

/**
 * Installs, takes over, upgrades and purges in a root of its own.
 *
 * @throws {Error} with what was said when a step fails.
 */
export function liveWithoutSystemd(room: Room, root: DebianRoot, directory: string): void {
  const own = `${room.path}/chroot-${root.suite}`;
  const script = [
    "set -e",
    `mkdir ${own}; mount -t tmpfs over ${own}; cd ${own}; mkdir up work root`,
    `mount -t overlay overlay -o lowerdir=${debianRoot(root)},upperdir=up,workdir=work root`,
    "cd root; mount -t proc proc proc; mount -t tmpfs -o mode=755 run run",
    "mount --rbind /dev dev; mount -t tmpfs -o mode=1777 tmp tmp",
    ...prepareRepository(directory),
    "ip link set lo up",
    'exec chroot . env -i sh -xc "$1" sh "$2"',
  ].join("\n");
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    ["unshare", "-pmuin", "--kill-child", "--fork", "sh", "-c", script, "sh", LIFE, OLDER],
    { cwd: "/" },
  );
  if (exitCode !== 0) {
    throw new Error(`It ended with ${exitCode}: ${stdout.toString()}${stderr.toString()}`);
  }
}
