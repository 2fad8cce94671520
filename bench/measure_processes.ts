import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "../tests/support/peers.ts";
import type { Room } from "../tests/support/room.ts";
import type { Syslog } from "../tests/support/syslog.ts";
import { addSamples, RULE_COUNTS, rulesSubject, type Samples } from "./cases.ts";
import { type Extent, interleave, type Measurement } from "./extent.ts";
import { type Program, runPrograms } from "./run_programs.ts";

const ONCE = { times: 1, atOnce: 1 };
/** The client that is asked about. No rule names it, so all are read. */
const STRANGER = "192.0.2.66";
const TCPDMATCH = "/usr/sbin/tcpdmatch";

/** The exit status of -V, of both agents, and of --check-access for a denied client. */
const STATUS = { version: 3, denied: 1 } as const;

/** Measures whole processes: the access decision with tables of all sizes, and -V. */
export function measureProcesses(
  room: Room,
  empty: string,
  { processRounds }: Extent,
  syslog: Syslog,
): Samples {
  const samples: Samples = new Map();
  const measure = (side: string, subject: string, program: Program): Measurement => () =>
    addSamples(samples, side, subject, runPrograms(program, ONCE, [syslog]));
  const { binary } = room;
  const version = (file: string): Program => (
    { file, argv: ["nrpe", "-V"], status: STATUS.version }
  );
  const starts = [
    measure("-V", "start", version(binary)),
    measure("C agent's -V", "start", version(PEERS.agent.path)),
    measure("empty program", "start", { file: empty, argv: ["empty"], status: 0 }),
  ];
  const decisions = RULE_COUNTS.flatMap((count) => {
    const subject = rulesSubject(count);
    const directory = writeTables(room, count);
    const own: Program = {
      file: binary,
      argv: ["nrpe", "--check-access"]
        .concat(["--hosts-allow", "hosts.allow", "--hosts-deny", "hosts.deny", "nrpe", STRANGER]),
      status: STATUS.denied,
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
  interleave([...starts, ...decisions], processRounds, () => samples.clear());
  return samples;
}

/** Writes a hosts.allow with rules for the agent, and a hosts.deny that denies all others. */
function writeTables(room: Room, count: number): string {
  const directory = join(room.path, `rules.${count}`);
  mkdirSync(directory);
  const rules = Array.from(
    { length: count },
    (_, at) => `nrpe: 10.${at >> 16}.${(at >> 8) & 255}.${at & 255}\n`,
  );
  writeFileSync(join(directory, "hosts.allow"), rules.join(""));
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
