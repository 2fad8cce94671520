import { copyFileSync, linkSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Room } from "../../tests/support/room.ts";
import type { Said } from "../../tests/support/systemd.ts";
import { bootDebian, type Host } from "../boot/host.ts";
import { type DebianRoot, debianRoot } from "../boot/root.ts";
import { type Repository, writeIndex } from "./repository.ts";

/** A Debian on which packages are installed. */
export interface PackageHost extends Host {
  /** Where its files of packages lie. */
  readonly repository: string;
  /** Runs apt-get, which asks nobody. @throws {Error} with what it printed when it fails. */
  apt(...words: readonly string[]): Promise<string>;
  /** Asks the agent there for a command, by check_nrpe, or for its version. */
  check(command?: string, ...options: readonly string[]): Promise<Said>;
}

/** Where the packages are on the host. */
const REPOSITORY = "/srv/repository";
/** No question is answered: dpkg reads an end of file. */
const QUIET = "export DEBIAN_FRONTEND=noninteractive; exec < /dev/null\n";

/** A directory with the packages and those of the C agent of a release, and apt's index of them. */
export function suiteRepository(room: Room, repository: Repository, root: DebianRoot): string {
  const directory = join(room.path, `repository-${root.suite}`);
  mkdirSync(directory);
  for (const name of readdirSync(repository.directory)) {
    linkSync(join(repository.directory, name), join(directory, name));
  }
  const archives = join(debianRoot(root), "srv");
  for (const name of readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
    copyFileSync(join(archives, name), join(directory, name));
  }
  const debs = readdirSync(directory).filter((name) => name.endsWith(".deb")).sort();
  writeIndex(directory, debs.map((name) => join(directory, name)), join(directory, "Packages"));
  return directory;
}

/** Lines of shell text that give a root directory, which is the working directory, the packages. */
export function prepareRepository(directory: string): readonly string[] {
  return [
    `mkdir -p .${REPOSITORY}; mount --bind ${directory} .${REPOSITORY}`,
    "rm -rf etc/apt/sources.list etc/apt/sources.list.d/*",
    `echo 'deb [trusted=yes] file:${REPOSITORY} ./' > etc/apt/sources.list`,
    "echo 'nrpe: 127.0.0.1' > etc/hosts.allow; echo 'nrpe: ALL' > etc/hosts.deny",
  ];
}

/** Boots it, with a directory of {@link suiteRepository}. */
export async function bootPackageHost(
  room: Room,
  root: DebianRoot,
  directory: string,
): Promise<PackageHost> {
  const host = await bootDebian(room, root, prepareRepository(directory));
  try {
    await host.sh("apt-get -q update");
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...host,
    repository: REPOSITORY,
    apt: (...words) => host.sh(`${QUIET}apt-get -qy ${words.join(" ")} 2>&1`),
    check: (command, ...options) =>
      host.checkNrpe(...options, ...command === undefined ? [] : ["-c", command]),
  };
}
