import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "../tests/support/peers.ts";
import type { Room } from "../tests/support/room.ts";
import { ONCE } from "./ask.ts";
import { interleave, type Measurement } from "./extent.ts";
import { type Program, runPrograms } from "./run_programs.ts";
import { addSample, FLOOR, type Samples } from "./samples.ts";
import { allowRules, emptyProgram, type Setting, versionOf } from "./sides.ts";

/** How many rules the access tables have. */
const RULE_COUNTS = [10, 1_000, 10_000, 100_000];
/** The client that is asked about. No rule names it, so all are read. */
const STRANGER = "192.0.2.66";
const TCPDMATCH = "/usr/sbin/tcpdmatch";
/** The exit status of --check-access for a denied client. */
const DENIED = 1;

/** Measures whole processes: the access decision with tables of all sizes, and -V. */
export function measureProcesses({ room, empty, extent, syslog }: Setting): Samples {
  const samples: Samples = new Map();
  const measure = (side: string, subject: string, program: Program): Measurement => () =>
    addSample(samples, side, subject, runPrograms(program, ONCE, [syslog])[0]!);
  const starts = [
    measure("-V", "start", versionOf(room.binary)),
    measure("C agent's -V", "start", versionOf(PEERS.agent.path)),
    measure(...FLOOR, emptyProgram(empty)),
  ];
  const decisions = RULE_COUNTS.flatMap((count) => {
    const subject = `${count.toLocaleString("en")} rules`;
    const directory = writeTables(room, count);
    const own: Program = {
      file: room.binary,
      argv: ["nrpe", "--check-access"]
        .concat(["--hosts-allow", "hosts.allow", "--hosts-deny", "hosts.deny", "nrpe", STRANGER]),
      status: DENIED,
    };
    const peer: Program = {
      file: TCPDMATCH,
      argv: ["tcpdmatch", "-d", "nrpe", STRANGER],
      status: 0,
    };
    return [
      within(directory, measure("--check-access", subject, own)),
      within(directory, measure("tcpdmatch", subject, peer)),
    ];
  });
  interleave([...starts, ...decisions], extent.processRounds, () => samples.clear());
  return samples;
}

/** Writes a hosts.allow with rules for the agent, and a hosts.deny that denies all others. */
function writeTables(room: Room, count: number): string {
  const directory = join(room.path, `rules.${count}`);
  mkdirSync(directory);
  writeFileSync(join(directory, "hosts.allow"), allowRules(count));
  writeFileSync(join(directory, "hosts.deny"), "ALL: ALL\n");
  return directory;
}

function within(directory: string, measurement: Measurement): Measurement {
  return () => {
    process.chdir(directory);
    measurement();
    process.chdir("/");
  };
}
