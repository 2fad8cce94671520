import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";

/** Where roots are kept; git ignores it. */
const DIRECTORY = join(ROOT, ".boot");
const MIRROR = process.env.DEBIAN_MIRROR ?? "http://deb.debian.org/debian";

/** What every host has besides the packages that Debian calls required. */
const HOST = [
  ...["systemd", "systemd-sysv", "dbus", "sudo", "iproute2", "procps", "libcap2-bin"],
  ...["monitoring-plugins-basic", "nagios-nrpe-plugin", "iputils-ping"],
];

/** A small Debian. */
export interface DebianRoot {
  /** The name of its directory in `.boot/`. */
  readonly name: string;
  /** The code name of the release. */
  readonly suite: string;
  /** Packages that it has besides those of every host. */
  readonly packages: readonly string[];
  /** Packages that are not installed: their archives lie in /srv. */
  readonly archives: readonly string[];
  /** Shell text that completes it from inside; apt-get installs there, and starts no service. */
  readonly complete?: string;
}

/** The root of the host on which the units are tried. */
export const UNITS_ROOT: DebianRoot = {
  name: "root",
  suite: "bookworm",
  packages: [],
  archives: [],
};

/** debootstrap(8) as its package has it; it is not installed. */
const MAKE = `set -e
umask 022
apt-get -q download debootstrap
dpkg -x debootstrap_*.deb tool-$1
rm -f debootstrap_*.deb
export DEBOOTSTRAP_DIR=$PWD/tool-$1/usr/share/debootstrap
rm -rf "$1"
sh tool-$1/usr/sbin/debootstrap --variant=minbase "--include=$2" "$3" "$1" "$4"
# debootstrap does not find the order in which packages that need each other are configured.
if [ -n "$5$6" ]; then
  chroot "$1" sh -ec 'export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -qy --no-install-recommends install $1
    cd /srv
    apt-get -q -o APT::Sandbox::User=root download $2' sh "$5" "$6"
fi
if [ -n "$7" ]; then
  mount -t proc proc "$1/proc"
  printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d"
  chmod 755 "$1/usr/sbin/policy-rc.d"
  DEBIAN_FRONTEND=noninteractive chroot "$1" sh -ec "apt-get -q update; $7"
  umount "$1/proc"
  rm "$1/usr/sbin/policy-rc.d"
fi
rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/* tool-$1`;

/**
 * The directory of a small Debian with systemd, which is made with debootstrap at the first time.
 *
 * @throws {Error} when it cannot be made; the standard error has said why.
 */
export function debianRoot(
  { name, suite, packages, archives, complete = "" }: DebianRoot,
): string {
  const root = join(DIRECTORY, name);
  // The first root had this name before there were others.
  const stampFile = join(DIRECTORY, name === UNITS_ROOT.name ? "stamp" : `${name}.stamp`);
  const lists = [HOST.join(","), suite, MIRROR, packages.join(" "), archives.join(" "), complete];
  const stamp = `${[suite, HOST.join(","), ...packages, ...archives].join(" ")}\n${complete}`;
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return root;
  // It has set-user-ID programs, and is never updated here: no user may run them.
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
  rmSync(stampFile, { force: true });
  console.log(`Making a root of Debian ${suite} in .boot/${name}, which takes some minutes`);
  const { exitCode } = Bun.spawnSync(["unshare", "-m", "sh", "-c", MAKE, "sh", name, ...lists], {
    cwd: DIRECTORY,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (exitCode !== 0) throw new Error(`debootstrap ended with ${exitCode}`);
  writeFileSync(stampFile, stamp);
  return root;
}
