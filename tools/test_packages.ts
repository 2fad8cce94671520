/**
 * Installs, upgrades, takes over with and removes the packages on small Debians, which are booted in
 * namespaces of their own, and has lintian(1) and rpmlint(1) read them. The roots are made once, in
 * `.boot/`.
 *
 * Usage: bun tools/test_packages.ts [WORD...]
 *
 * With words only the checks whose names have one of them; the name of a release is part of a name. It
 * needs root, and the network for the first time. The exit status is 1 when a check fails.
 */
import { makeRoom, type Room } from "../tests/support/room.ts";
import { type Planned, readyToBoot, runPlanned } from "./boot/check.ts";
import { type DebianRoot, debianRoot } from "./boot/root.ts";
import { liveWithoutSystemd } from "./packages/chroot_checks.ts";
import { debChecks, type PackageCheck } from "./packages/deb_checks.ts";
import { bootPackageHost, suiteRepository } from "./packages/host.ts";
import { lintDeb, lintRpm } from "./packages/lint_checks.ts";
import { makeRepository, type Repository } from "./packages/repository.ts";
import { rpmChecks } from "./packages/rpm_checks.ts";

/** What the C agent's package depends on, and what this one suggests. */
const COMMON = ["adduser", "libwrap0", "lsb-base", "apparmor", "logrotate"];
const TOOLS = ["lintian", "rpmlint", "rpm"];

function rootOf(suite: string, packages: readonly string[]): DebianRoot {
  return { name: `packages-${suite}`, suite, packages, archives: ["nagios-nrpe-server"] };
}

const BOOKWORM = rootOf("bookworm", [...COMMON, ...TOOLS]);
const OTHERS = [rootOf("bullseye", COMMON), rootOf("trixie", ["adduser", "libwrap0", "apparmor"])];

function plan(room: Room, repository: Repository): readonly Planned[] {
  const directories = new Map<DebianRoot, string>();
  const directoryOf = (root: DebianRoot) => {
    const directory = directories.get(root) ?? suiteRepository(room, repository, root);
    directories.set(root, directory);
    return directory;
  };
  const booted = (root: DebianRoot) => ({ name, run }: PackageCheck): Planned => ({
    name: `${root.suite}: ${name}`,
    run: async () => {
      using own = makeRoom();
      await using host = await bootPackageHost(own, root, directoryOf(root));
      await run(host);
    },
  });
  return [
    { name: "lintian finds nothing", run: () => lintDeb(debianRoot(BOOKWORM), repository) },
    { name: "rpmlint finds nothing", run: () => lintRpm(debianRoot(BOOKWORM), repository) },
    ...[BOOKWORM, ...OTHERS].flatMap((root) => [
      ...debChecks(repository).map(booted(root)),
      {
        name: `${root.suite}: it lives without systemd`,
        run: () => liveWithoutSystemd(room, root, directoryOf(root)),
      },
    ]),
    ...rpmChecks(repository).map(booted(BOOKWORM)),
  ];
}

async function main(words: readonly string[]): Promise<number> {
  if (!readyToBoot()) return 1;
  using room = makeRoom();
  return await runPlanned(plan(room, makeRepository(room)), words);
}

process.exitCode = await main(process.argv.slice(2));
