import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";

/** Where the root is kept; git ignores it. */
const DIRECTORY = join(ROOT, ".boot");
const SUITE = "bookworm";
const MIRROR = process.env.DEBIAN_MIRROR ?? "http://deb.debian.org/debian";

/** What the host has besides the packages that Debian calls required. */
const PACKAGES = [
  ...["systemd", "systemd-sysv", "dbus", "sudo", "iproute2", "procps", "libcap2-bin"],
  ...["monitoring-plugins-basic", "nagios-nrpe-plugin", "iputils-ping"],
].join(",");

/** debootstrap(8) as its package has it; it is not installed. */
const MAKE = `set -e
umask 022
apt-get -q download debootstrap
dpkg -x debootstrap_*.deb tool
export DEBOOTSTRAP_DIR=$PWD/tool/usr/share/debootstrap
rm -rf root
sh tool/usr/sbin/debootstrap --variant=minbase "--include=$1" "$2" root "$3"
rm -rf root/var/cache/apt/archives/*.deb root/var/lib/apt/lists/* tool debootstrap_*.deb`;

/**
 * The root directory of a small Debian with systemd, which is made with debootstrap at the first time.
 *
 * @throws {Error} when it cannot be made; the standard error has said why.
 */
export function debianRoot(): string {
  const root = join(DIRECTORY, "root");
  const stampFile = join(DIRECTORY, "stamp");
  const stamp = `${SUITE} ${PACKAGES}\n`;
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return root;
  // It has set-user-ID programs, and is never updated here: no user may run them.
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
  rmSync(stampFile, { force: true });
  console.log(`Making a root of Debian ${SUITE} in .boot/, which takes some minutes`);
  const { exitCode } = Bun.spawnSync(
    ["unshare", "-m", "sh", "-c", MAKE, "sh", PACKAGES, SUITE, MIRROR],
    { cwd: DIRECTORY, stdio: ["ignore", "ignore", "inherit"] },
  );
  if (exitCode !== 0) throw new Error(`debootstrap ended with ${exitCode}`);
  writeFileSync(stampFile, stamp);
  return root;
}
