/**
 * Measures, in namespaces that {@link file://./bench.ts} has made for it: everything it starts ends
 * with it.
 *
 * Usage: bun measure.ts quick|full OUTCOME EMPTY PART...
 *
 * OUTCOME is the file to write, EMPTY the empty program.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { privateDev } from "../tests/support/inetd.ts";
import { PEERS } from "../tests/support/peers.ts";
import { BINARY, makeRoom, type Room } from "../tests/support/room.ts";
import { listenAsSyslog, type Syslog } from "../tests/support/syslog.ts";
import { compare } from "./compare.ts";
import { EXTENT, type Kind, type Part, PARTS } from "./extent.ts";
import { measureConversations } from "./measure_conversations.ts";
import { measureDaemons } from "./measure_daemons.ts";
import { measureFaults } from "./measure_faults.ts";
import { measureFloods } from "./measure_floods.ts";
import { measureGrowth } from "./measure_growth.ts";
import { measureMemory } from "./measure_memory.ts";
import { measureProcesses } from "./measure_processes.ts";
import type { FloodFinding, MemoryFindings, Outcome } from "./outcome.ts";
import { packageVersions } from "./packages.ts";
import type { Samples } from "./samples.ts";
import { type Setting, writesConfigs } from "./sides.ts";

/** The set-up of Nagios FAQ F0101: only the monitoring server has access. */
const FILES = {
  "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
  "/etc/hosts.allow": "nrpe: 127.0.0.1, 192.0.2.10\n",
  "/etc/hosts.deny": "nrpe: ALL\n",
};

const MEASURE: Readonly<
  Record<Exclude<Part, "memory" | "floods">, (setting: Setting) => Samples | Promise<Samples>>
> = {
  faults: measureFaults,
  processes: measureProcesses,
  conversations: measureConversations,
  growth: measureGrowth,
  daemons: measureDaemons,
};

/** Mounts a /dev/log, access tables and /etc/hosts for this run. */
function furnish(room: Room): Syslog {
  const syslog = listenAsSyslog(join(room.path, "log.sock"));
  const mounts = Object.entries(FILES).map(([path, content], at) =>
    `mount --bind ${room.file(`etc.${at}`, content)} ${path}`
  );
  const script = ["set -e", privateDev(room, syslog), ...mounts].join("\n");
  const run = Bun.spawnSync(["sh", "-c", script], { stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(`Cannot furnish the namespace: ${run.stderr}`);
  return syslog;
}

/**
 * Copies a program anew: how the pages of a file lie in the page cache, and with it how many page
 * faults it costs, changes with the file's age.
 */
function copyAnew(from: string, to: string): void {
  rmSync(to, { force: true });
  writeFileSync(to, readFileSync(from), { mode: 0o755 });
}

const [kind, outcomePath, emptyPath, ...wanted] = process.argv.slice(2) as [
  Kind,
  string,
  string,
  ...Part[],
];
const begun = Date.now();
const load = loadavg()[0]!;
// Not disposed of here: /dev is mounted in it until this namespace ends.
const room = makeRoom();
using syslog = furnish(room);
const empty = join(room.path, "empty");
copyAnew(BINARY, room.binary);
copyAnew(emptyPath, empty);
const extent = EXTENT[kind];
const setting: Setting = { room, empty, configs: writesConfigs(room), extent, syslog };

const measured = new Map<Part, Samples>();
let findings: MemoryFindings | null = null;
let floods: readonly FloodFinding[] | null = null;
const parts = PARTS.filter((part) => wanted.includes(part));
for (const part of parts) {
  console.error(`${Math.round((Date.now() - begun) / 1000)} s  ${part}`);
  if (part === "memory") findings = await measureMemory(setting);
  else if (part === "floods") floods = await measureFloods(setting);
  else measured.set(part, await MEASURE[part](setting));
}

const outcome: Outcome = {
  date: new Date(begun).toISOString().slice(0, 10),
  kind,
  parts,
  seconds: Math.round((Date.now() - begun) / 1000),
  runtime: Bun.version,
  machine: {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    kernel: release(),
    load,
  },
  peers: packageVersions(),
  comparisons: compare(measured),
  findings,
  floods,
  fileSize: { own: statSync(room.binary).size, theirs: statSync(PEERS.agent.path).size },
};
writeFileSync(outcomePath, JSON.stringify(outcome));
