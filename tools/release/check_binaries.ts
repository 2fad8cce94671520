/**
 * Runs the binaries of a release, in the namespaces that `check.ts` makes: an inetd and daemons serve a
 * real check_nrpe over loopback, with tables that name clients.
 *
 * Usage: bun tools/release/check_binaries.ts JSON TARGET=ROOT...
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { alignedTable } from "../../bench/table.ts";
import { makeRoom } from "../../tests/support/room.ts";
import { run } from "./run.ts";
import { CHECKS, type Subject } from "./checks.ts";
import { binaryName, type Target, TARGETS } from "./targets.ts";

interface Arguments {
  readonly directory: string;
  readonly version: string;
  readonly commit: string;
  readonly emulator: string;
  readonly report: string;
}

/** Programs of arm64 by the head of their file, see Documentation/admin-guide/binfmt-misc.rst. */
const HEAD = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const MASK = String
  .raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/** Prepares the namespaces: processes, loopback, and the emulator for programs of arm64. */
function prepare(emulator: string): void {
  const script = `set -e
mount -t proc proc /proc
ip link set lo up
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf %s "$0" > /proc/sys/fs/binfmt_misc/register`;
  // F: the kernel opens it now, and so finds it behind chroot(2). P: it gets argv[0] as it was.
  run("/", "sh", "-c", script, `:aarch64:M::${HEAD}:${MASK}:${emulator}:PF`);
}

const LEGEND =
  `nowait, wait, daemon: the real check_nrpe gets the version and a command's output from a client that
hosts.allow names, and nothing from another, which is logged by its name. Under QEMU, which refuses the
agent's clone(2), there are no commands, and the tables have addresses.`;

/** The version of a package that a root directory was made of. */
function packageVersion(packages: string, name: string): string {
  const [file] = new Bun.Glob(`${name}_*.deb`).scanSync(packages);
  return `${name} ${decodeURIComponent(file!.split("_")[1]!)}`;
}

/** What the binaries of a target are run with. */
function surroundings({ architecture, libc }: Target, packages: string): string {
  const names = [
    libc === "glibc" ? "libc6" : "musl",
    ...architecture === "arm64" ? ["qemu-user-static"] : [],
  ];
  return names.map((name) => packageVersion(packages, name)).join(", ");
}

/** Runs the checks of one binary, each in a room of its own; a problem each, or undefined. */
async function checkBinary(
  path: string,
  surroundings: Omit<Subject, "room">,
): Promise<(string | undefined)[]> {
  const problems: (string | undefined)[] = [];
  for (const { name: title, check } of CHECKS) {
    const started = performance.now();
    using room = makeRoom(path);
    const problem = await check({ ...surroundings, room }).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${basename(path)}: ${title}: ${problem ?? "ok"} (${seconds} s)`);
    problems.push(problem);
  }
  return problems;
}

async function main([json, ...roots]: readonly string[]): Promise<void> {
  const { directory, version, commit, emulator, report }: Arguments = JSON.parse(json!);
  prepare(emulator);
  const sbom = JSON.parse(readFileSync(join(directory, `nrpe-${version}.cdx.json`), "utf8"));
  const columns: string[][] = [["", "run with", ...CHECKS.map(({ name }) => name)]];
  for (
    const target of TARGETS
  ) {
    const root = roots.find((word) => word.startsWith(`${target.name}=`))!.split("=")[1]!;
    for (const name of ["dev", "proc", "tmp"]) {
      run("/", "mount", "--rbind", `/${name}`, `${root}/${name}`);
    }
    const binary = join(directory, binaryName(version, target));
    const problems = await checkBinary(binary, {
      root,
      version,
      commit,
      sbom,
      emulated: target.architecture === "arm64",
    });
    const results = problems.map((problem) => problem === undefined ? "ok" : "FAILED");
    columns.push([target.name, surroundings(target, join(root, "../packages")), ...results]);
  }
  const table = alignedTable(columns[0]!.map((_, row) => columns.map((column) => column[row]!)));
  const text = `nrpe ${version}, commit ${commit}\n\n${table}\n\n${LEGEND}\n`;
  writeFileSync(report, text);
  console.log(`\n${text}`);
}

await main(process.argv.slice(2));
process.exit(0);
