/**
 * Runs the tests, all of them or those of the files that are named, with the real programs that they
 * talk to, which it fetches. `--no-peers` fetches nothing; programs that are installed serve all the
 * same. What could not be tested is said last.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchPeers, seeingPeers } from "./support/fetch_peers.ts";

const NO_PEERS = "--no-peers";
const args = process.argv.slice(2);
const everything = process.env.NRPE_REQUIRE_PEERS === "1";

/** Has the peers ready. Returns why the tests cannot see them, or null when they can. */
function fetchAndTry(): string | null {
  if (args.includes(NO_PEERS)) return NO_PEERS;
  if (process.getuid?.() !== 0) return "not run by root";
  try {
    fetchPeers();
    const { exitCode, stderr } = Bun.spawnSync(seeingPeers("true"));
    if (exitCode === 0) return null;
    throw new Error(stderr.toString());
  } catch (error) {
    const { message } = error as Error;
    console.error(message);
    // What apt says first is the cause of the rest.
    return message.split("\n", 1)[0]!.trim();
  }
}

const reason = fetchAndTry();
if (everything && reason !== null) {
  console.error(`NRPE_REQUIRE_PEERS=1, but the tests cannot see the peers: ${reason}`);
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), "nrpe-run-"));
const [report, leftOut] = [join(directory, "report.xml"), join(directory, "left_out")] as const;
/** Test files run at once. Most tests wait for other processes. */
const WORKERS = 3;
const command = [
  ...[process.execPath, "test", "--timeout", "300000"],
  ...[`--parallel=${WORKERS}`, "--no-isolate"],
  ...["--reporter=junit", `--reporter-outfile=${report}`],
  ...args.filter((arg) => arg !== NO_PEERS),
];
const { exitCode } = Bun.spawnSync(reason === null ? seeingPeers(...command) : command, {
  stdio: ["inherit", "inherit", "inherit"],
  env: {
    ...process.env,
    // A shell of su(1) may have a user's path.
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    NRPE_LEFT_OUT: leftOut,
  },
});
const read = (file: string) => existsSync(file) ? readFileSync(file, "utf8") : "";
// With -t the report has all others as skipped, too.
const skipped = args.includes("-t") ? "Some" : / skipped="(\d+)"/.exec(read(report))?.[1];
const wants = [...new Set(read(leftOut).trimEnd().split("\n"))].sort().join(", ");
rmSync(directory, { recursive: true });
if (wants !== "") {
  const because = reason === null || wants === "root" ? "" : ` (${reason})`;
  console.error(`${skipped ?? "Some"} tests were left out for want of ${wants}${because}`);
}
process.exit(exitCode === 0 && !(everything && wants !== "") ? 0 : 1);
