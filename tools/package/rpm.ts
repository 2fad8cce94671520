import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";
import { packageVersion, rpmChangelog } from "./changelog.ts";
import { commonContents, type Entry, file, RED_HAT } from "./contents.ts";
import type { Architecture } from "./elf.ts";
import { copyright, fill, type Order, runTool } from "./order.ts";
import { installedPath, writeTree } from "./write_tree.ts";

const TEMPLATES = join(ROOT, "packaging", "rpm");
const template = (name: string) => readFileSync(join(TEMPLATES, name), "utf8");

/** The processors, as rpm calls them. */
const TARGETS: Readonly<Record<Architecture, string>> = { amd64: "x86_64", arm64: "aarch64" };

/** The files of an .rpm. */
export function rpmContents({ binary }: Order): readonly Entry[] {
  return [
    ...commonContents(RED_HAT, binary),
    // Owned, so that it stays when the C agent's package goes, and never replaced.
    { ...file("/etc/nagios/nrpe.cfg", ""), configuration: true, ghost: true },
    { kind: "directory", path: "/etc/nagios" },
    { kind: "directory", path: "/var/lib/nrpe" },
    file("/usr/share/licenses/nrpe-one/copyright", copyright()),
  ];
}

/** The lines of %files. */
export function rpmFiles(entries: readonly Entry[]): string {
  return [
    ...entries.map((entry) => {
      const path = installedPath(entry);
      if (entry.kind === "directory") {
        const { user } = RED_HAT;
        return path === "/var/lib/nrpe"
          ? `%dir %attr(0700, ${user}, ${user}) ${path}`
          : `%dir %attr(0755, root, root) ${path}`;
      }
      const kind = entry.configuration
        ? "%config(noreplace) "
        : path.startsWith("/usr/share/doc/")
        ? "%doc "
        : path.startsWith("/usr/share/licenses/")
        ? "%license "
        : "";
      return `${entry.ghost ? "%ghost " : ""}${kind}%attr(0${
        entry.mode.toString(8)
      }, root, root) ${path}`;
    }),
    // Directories that no package of the system has.
    ...["doc/nrpe-one", "licenses/nrpe-one", "nrpe-one"].map((path) => `%dir /usr/share/${path}`),
    ...["docs", "examples"].map((name) => `%dir /usr/share/doc/nrpe-one/${name}`),
  ].join("\n");
}

/**
 * Makes an .rpm, see rpmbuild(8), and returns its path. The same order makes the same bytes.
 *
 * @param rpmbuild The command line that runs rpmbuild.
 * @param payload How the files are compressed, as rpm's macro _binary_payload has it.
 * @throws {Error} when rpmbuild fails, with what it said.
 */
export function makeRpm(
  order: Order,
  directory: string,
  rpmbuild: readonly string[],
  payload = "w6.xzdio",
): string {
  const { version, maker, program, output } = order;
  const entries = rpmContents(order);
  const top = join(directory, "rpm");
  const tree = join(top, "tree");
  writeTree(tree, entries, maker.date);
  mkdirSync(join(top, "home"));
  const spec = join(top, "nrpe-one.spec");
  const script = (name: string) => template(name).trimEnd();
  writeFileSync(
    spec,
    fill(template("nrpe-one.spec"), {
      VERSION: packageVersion(version),
      PAYLOAD: payload,
      MAINTAINER: maker.maintainer,
      GLIBC: program.glibc,
      PRE: script("pre"),
      POST: script("post"),
      PREUN: script("preun"),
      POSTUN: script("postun"),
      POSTTRANS: script("posttrans"),
      FILES: rpmFiles(entries),
      CHANGELOG: rpmChangelog(version, maker),
    }),
  );
  const target = TARGETS[program.architecture];
  runTool(
    [
      ...rpmbuild,
      ...["-bb", "--quiet", "--target", `${target}-linux`],
      ...["--define", `_topdir ${top}`, "--define", `tree ${tree}`, spec],
    ],
    maker,
    // No macros of the user's.
    { HOME: join(top, "home") },
  );
  const name = `nrpe-one-${packageVersion(version)}-1.${target}.rpm`;
  const path = join(output, name);
  copyFileSync(join(top, "RPMS", target, name), path);
  return path;
}
