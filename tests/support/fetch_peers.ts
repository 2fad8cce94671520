import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "./peers.ts";
import { ROOT } from "./room.ts";

const DIRECTORY = join(ROOT, ".peers");

/** Packages that conflict with each other and with openbsd-inetd. */
const ALONE = ["inetutils-inetd", "xinetd"];

/**
 * apt's settings with which it writes nothing outside of a directory, and runs no hooks of this machine.
 *
 * @param status The database of installed packages; an empty one where everything is to be fetched.
 */
export const aptConfiguration = (directory: string, status = "/var/lib/dpkg/status") => `
Dir::State "${directory}/apt/state";
Dir::State::status "${status}";
Dir::Cache "${directory}/apt/cache";
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;

/**
 * Downloads each set of packages that is given, with what it needs and this machine lacks, and unpacks
 * all. Where /bin is a link to /usr/bin it is one here, too, and is followed, since packages may still
 * have files in /bin.
 */
const FETCH = `set -e
umask 022
apt() { apt-get -q -y -c apt.conf "$@"; }
apt update
for set in "$@"; do apt --download-only --no-upgrade install $set; done
mkdir -p packages/usr packages/etc
for link in /*; do
  case $(readlink "$link") in usr/*)
    mkdir -p "packages/usr$link"; ln -s "usr$link" "packages$link" ;;
  esac
done
for archive in apt/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$archive" | tar -xp --keep-directory-symlink -C packages
done
rm -r apt`;

/**
 * Runs a command with the packages laid over /usr and /etc, which only it and what it starts see; what
 * they write there is gone with them. What maintainer scripts would have made is made: a user, and empty
 * files. What is mounted below /usr and /etc, such as a container's /etc/hosts, is mounted again. An
 * overlay takes no layer that lies in another one: in a checkout below /usr the packages are copied.
 * /mnt, which every Debian has, holds what is needed meanwhile.
 */
const LAY_OVER = `set -e
cd "$1"; shift
own=/mnt
mount -t tmpfs -o mode=755 peers $own
mkdir $own/usr $own/etc $own/work-usr $own/work-etc $own/below
if ! grep -q ^nagios: /etc/passwd; then
  id=999; while getent passwd $id || getent group $id; do id=$((id - 1)); done > /dev/null
  cp -p /etc/passwd /etc/group $own/etc
  echo "nagios:*:$id:$id::/var/lib/nagios:/usr/sbin/nologin" >> $own/etc/passwd
  echo "nagios:*:$id:" >> $own/etc/group
fi
for file in hosts hosts.allow hosts.deny; do
  [ -e /etc/$file ] || install -m 644 /dev/null $own/etc/$file
done
packages=packages
case $PWD in /usr/*) cp -a packages $own; packages=$own/packages ;; esac
for name in usr etc; do
  mounted=$({ findmnt -rno TARGET; echo "$OLDPWD"; } | grep "^/$name/" || :)
  mount --rbind /$name $own/below
  layers=lowerdir=$packages/$name:/$name,upperdir=$own/$name,workdir=$own/work-$name
  mount -t overlay -o "$layers" peers /$name
  for target in $mounted; do mount --bind "$own/below/\${target#/*/}" "$target"; done
  umount -l $own/below
done
umount -l $own
cd "$OLDPWD"
exec "$@"`;

/** The command line with which a command sees the packages of the peers. */
export const seeingPeers = (...command: readonly string[]) => [
  ...["unshare", "-m", "sh", "-c", LAY_OVER, "sh", DIRECTORY],
  ...command,
];

/**
 * Downloads the packages of the peers and those that they need of which this machine has none, and
 * unpacks them in `.peers/`. Nothing is installed. What lies there already serves while the packages
 * that are asked for and those of the machine are the same.
 *
 * @throws {Error} when they cannot be had.
 */
export function fetchPeers(): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const wanted = [...new Set(Object.values(PEERS).map((peer) => peer.package))];
  const machine = new Bun.CryptoHasher("sha256").update(run("dpkg-query", "-W")).digest("hex");
  const stamp = `${wanted.join(" ")}\nthis machine's packages: ${machine}\n`;
  const stampFile = join(DIRECTORY, "stamp");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;

  console.log("Fetching the packages of the peers into .peers/");
  rmSync(DIRECTORY, { recursive: true, force: true });
  // sudo and others are set-user-ID root, and are never updated here: no user may run them.
  mkdirSync(DIRECTORY, { mode: 0o700 });
  for (const name of ["apt/state", "apt/cache"]) {
    mkdirSync(join(DIRECTORY, name), { recursive: true });
  }
  writeFileSync(join(DIRECTORY, "apt.conf"), aptConfiguration(DIRECTORY));
  const together = wanted.filter((name) => !ALONE.includes(name));
  run("sh", "-c", FETCH, "sh", together.join(" "), ...ALONE);
  writeFileSync(stampFile, stamp);
}

/**
 * Runs a command in `.peers/` and returns its standard output.
 *
 * @throws {Error} when it fails, with its standard error.
 */
function run(...command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd: DIRECTORY });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString();
}
