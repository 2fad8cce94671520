/**
 * Measures, in namespaces that {@link file://./bench.ts} has made for it: everything it starts ends
 * with it.
 *
 * Usage: bun measure.ts quick|full OUTCOME EMPTY
 *
 * OUTCOME is the file to write, EMPTY the empty program.
 */
import { statSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { privateDev } from "../tests/support/inetd.ts";
import { PEERS } from "../tests/support/peers.ts";
import { makeRoom, type Room } from "../tests/support/room.ts";
import { listenAsSyslog, type Syslog } from "../tests/support/syslog.ts";
import { compare } from "./cases.ts";
import { measureConversations } from "./measure_conversations.ts";
import { measureDaemons } from "./measure_daemons.ts";
import { measureMemory } from "./measure_memory.ts";
import { measureProcesses } from "./measure_processes.ts";
import type { Outcome } from "./outcome.ts";
import { EXTENT, type Kind } from "./extent.ts";
import { packageVersions } from "./packages.ts";
import { writeConfigs } from "./sides.ts";

/** The set-up of Nagios FAQ F0101: only the monitoring server has access. */
const FILES = {
  "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
  "/etc/hosts.allow": "nrpe: 127.0.0.1, 192.0.2.10\n",
  "/etc/hosts.deny": "nrpe: ALL\n",
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

const [kind, outcomePath, empty] = process.argv.slice(2) as [Kind, string, string];
const extent = EXTENT[kind];
const begun = Date.now();
const load = loadavg()[0]!;
// Not disposed of here: /dev is mounted in it until this namespace ends.
const room = makeRoom();
using syslog = furnish(room);
const configs = writeConfigs(room);
const say = (what: string) =>
  console.error(`${Math.round((Date.now() - begun) / 1000)} s  ${what}`);

say("whole processes");
const processes = measureProcesses(room, empty, extent, syslog);
say("conversations under inetd");
const conversations = await measureConversations(room, configs, extent);
say("daemons, 16 at once");
const daemons = await measureDaemons(room, configs, extent, syslog);
say(`memory, with ${extent.memoryChecks} checks`);
const { memory, growth } = await measureMemory(room, configs, extent, syslog);

const outcome: Outcome = {
  date: new Date(begun).toISOString().slice(0, 10),
  kind,
  seconds: Math.round((Date.now() - begun) / 1000),
  machine: {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    kernel: release(),
    load,
  },
  peers: packageVersions(),
  comparisons: compare(new Map([...processes, ...conversations, ...daemons])),
  memory,
  growth,
  fileSize: { own: statSync(room.binary).size, theirs: statSync(PEERS.agent.path).size },
};
writeFileSync(outcomePath, JSON.stringify(outcome));
