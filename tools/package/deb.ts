import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";
import { debianChangelog, packageVersion } from "./changelog.ts";
import { commonContents, DEBIAN, deployedText, type Entry, file } from "./contents.ts";
import { copyright, fill, type Order, runTool } from "./order.ts";
import { installedPath, md5sums, treeSize, writeTree } from "./write_tree.ts";

const TEMPLATES = join(ROOT, "packaging", "deb");
const template = (name: string) => readFileSync(join(TEMPLATES, name), "utf8");
const SCRIPTS = ["preinst", "postinst", "prerm", "postrm"];

/** The files of a .deb. */
export function debContents({ binary, version, maker }: Order): readonly Entry[] {
  const doc = "/usr/share/doc/nrpe-one";
  return [
    ...commonContents(DEBIAN, binary),
    { ...file("/etc/apparmor.d/nrpe", deployedText("apparmor/nrpe")), configuration: true },
    file(`${doc}/copyright`, copyright()),
    { ...file(`${doc}/changelog`, debianChangelog(version, maker)), compressed: true },
    file("/usr/share/lintian/overrides/nrpe-one", template("lintian-overrides")),
  ];
}

/**
 * Makes a .deb, see deb(5), and returns its path. The same order makes the same bytes.
 *
 * @param compression Options of dpkg-deb. Debian 11 reads no zstd.
 * @throws {Error} when dpkg-deb fails, with what it said.
 */
export function makeDeb(
  order: Order,
  directory: string,
  compression: readonly string[] = ["-Zxz"],
): string {
  const { version, maker, program, output } = order;
  const entries = debContents(order);
  const tree = join(directory, "deb");
  writeTree(tree, entries, maker.date);
  const size = treeSize(tree);
  const sums = md5sums(tree);
  const control = join(tree, "DEBIAN");
  mkdirSync(control);
  const write = (name: string, text: string, mode = 0o644) => {
    writeFileSync(join(control, name), text);
    chmodSync(join(control, name), mode);
  };
  write(
    "control",
    fill(template("control"), {
      VERSION: packageVersion(version),
      ARCHITECTURE: program.architecture,
      MAINTAINER: maker.maintainer,
      INSTALLED_SIZE: String(size),
      GLIBC: program.glibc,
    }),
  );
  const FUNCTIONS = template("functions.sh").trimEnd();
  for (const name of SCRIPTS) write(name, fill(template(name), { FUNCTIONS }), 0o755);
  write("md5sums", sums);
  write(
    "conffiles",
    entries.filter((entry) => entry.kind === "file" && entry.configuration)
      .map((entry) => `${installedPath(entry)}\n`).join(""),
  );
  chmodSync(control, 0o755);
  const path = join(
    output,
    `nrpe-one_${packageVersion(version)}_${program.architecture}.deb`,
  );
  // One thread: several make other bytes than one.
  const command = ["dpkg-deb", "--root-owner-group", ...compression, "--build", tree, path];
  runTool(command, maker, { DPKG_DEB_THREADS_MAX: "1" });
  return path;
}
