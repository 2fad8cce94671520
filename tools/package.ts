/**
 * Makes packages of the agent: a .deb for Debian 11 and later, and an .rpm for RHEL 8 and later. Nothing
 * is compiled.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { VERSION } from "../lib/version.ts";
import { fetchPeers, seeingPeers } from "../tests/support/fetch_peers.ts";
import { BINARY, ROOT } from "../tests/support/room.ts";
import { makeDeb } from "./package/deb.ts";
import { orderFor } from "./package/order.ts";
import { makeRpm } from "./package/rpm.ts";

const USAGE =
  `Usage: deno task package [--binary FILE] [--arch amd64|arm64] [--out DIR] [deb|rpm]...

Makes packages of FILE, or of dist/nrpe, in DIR, or in dist/packages. With --arch it fails when FILE is
for another processor. SOURCE_DATE_EPOCH is the time of all files, or that of the commit is;
DEBFULLNAME and DEBEMAIL name the maintainer. The .deb needs dpkg-deb. The .rpm needs rpmbuild; as root
on Debian it is fetched into .peers/ where it is not installed.
`;
const KINDS = ["deb", "rpm"];

/**
 * The command line that runs rpmbuild: what is installed, or what is fetched.
 *
 * @throws {Error} when it cannot be had.
 */
export function rpmbuildCommand(): readonly string[] {
  if (Bun.which("rpmbuild") !== null) return ["rpmbuild"];
  if (process.getuid?.() !== 0) {
    throw new Error("rpmbuild is not installed, and only root fetches it");
  }
  fetchPeers();
  return seeingPeers("rpmbuild");
}

function main(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      binary: { type: "string", default: BINARY },
      arch: { type: "string" },
      out: { type: "string", default: join(ROOT, "dist", "packages") },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const unknown = positionals.find((kind) => !KINDS.includes(kind));
  if (unknown !== undefined) throw new Error(`There is no kind "${unknown}": deb or rpm`);
  const output = resolve(values.out);
  const order = orderFor(resolve(values.binary), VERSION, output);
  if (values.arch !== undefined && values.arch !== order.program.architecture) {
    throw new Error(`${values.binary} is for ${order.program.architecture}, not ${values.arch}`);
  }
  mkdirSync(output, { recursive: true });
  const directory = mkdtempSync(join(tmpdir(), "nrpe-package-"));
  try {
    const wanted = (kind: string) => positionals.length === 0 || positionals.includes(kind);
    if (wanted("deb")) console.log(makeDeb(order, directory));
    if (wanted("rpm")) console.log(makeRpm(order, directory, rpmbuildCommand()));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return 0;
}

if (import.meta.main) {
  try {
    process.exitCode = main(process.argv.slice(2));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
