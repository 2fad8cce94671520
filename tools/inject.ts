/**
 * Lets each system call of a conversation fail once at each place, in each mode, and prints what became
 * of it: a table of calls and modes, and each fault of the agent that was found.
 *
 * Usage: bun tools/inject.ts [--quick] [--lanes=N] [--verbose] [MODE...] [plain|tls] [CALL...] [--tables=NAME]
 *
 * MODE is nowait, wait or daemon, CALL a system call; all where none is named. --quick tries one error of
 * each call. After SIGINT or SIGTERM the table shows what has been tried. It needs root, and fetches the
 * programs that the tests talk to. The exit status is 1 where faults were found.
 */
import { fetchPeers, seeingPeers } from "../tests/support/fetch_peers.ts";
import { CALLS, CALLS_OF_CHILDREN } from "../tests/support/injection/calls.ts";
import { type Part, type Trial, tryPart } from "../tests/support/injection/matrix.ts";
import { type ScenarioName, SCENARIOS } from "../tests/support/injection/scenarios.ts";
import { MODES } from "../tests/support/injection/services.ts";

const SEEING = "NRPE_SEEING_PEERS";
/** Signals after which no more faults are tried. */
const ENDING = ["SIGINT", "SIGTERM"] as const;
const USAGE =
  "usage: inject [--quick] [--lanes=N] [--verbose] [nowait|wait|daemon...] [plain|tls] " +
  "[CALL...] [--tables=NAME]";
const args = process.argv.slice(2);
const WORDS: readonly string[] = [
  ...["--quick", "--verbose", "plain", "tls"],
  ...MODES,
  ...CALLS,
  ...CALLS_OF_CHILDREN,
];
for (const arg of args) {
  const table = /^--tables=(.*)$/.exec(arg)?.[1];
  if (WORDS.includes(arg) || /^--lanes=[1-9][0-9]?$/.test(arg)) continue;
  if (table !== undefined && table in SCENARIOS) continue;
  if (arg !== "--help") console.error(`inject: what is ${arg}?`);
  console.error(`${USAGE}\ntables: ${Object.keys(SCENARIOS).join("; ")}`);
  process.exit(arg === "--help" ? 0 : 2);
}

if (process.env[SEEING] === undefined) {
  fetchPeers();
  const inside = Bun.spawn(seeingPeers(process.execPath, import.meta.path, ...args), {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, [SEEING]: "1" },
  });
  for (const signal of ENDING) process.on(signal, () => inside.kill(signal));
  process.exit(await inside.exited);
}

let stopped = false;
for (const signal of ENDING) process.on(signal, () => stopped = true);

/** The columns of the table. */
const KINDS = ["answered", "refused", "left by the runtime", "not reached"] as const;

type Counts = Record<(typeof KINDS)[number] | "injected" | "problems", number>;

const rows = new Map<string, Counts>();

function count(row: string, { kind, problems }: Trial): void {
  let counts = rows.get(row);
  if (counts === undefined) {
    counts = {
      ...{ injected: 0, answered: 0, refused: 0, problems: 0 },
      ...{ "left by the runtime": 0, "not reached": 0 },
    };
    rows.set(row, counts);
  }
  counts[kind]++;
  if (kind !== "not reached") counts.injected++;
  if (problems.length > 0) counts.problems++;
}

const values = (name: string) =>
  args.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));
const named = <Name extends string>(names: readonly Name[]): readonly Name[] => {
  const chosen = names.filter((name) => args.includes(name));
  return chosen.length > 0 ? chosen : names;
};
const calls = [...CALLS, ...CALLS_OF_CHILDREN];
const tables = Object.keys(SCENARIOS) as ScenarioName[];
const chosenTables = tables.filter((name) => values("tables").includes(name));
const parts: Part[] = named(MODES).flatMap((mode) =>
  named(["plain", "tls"]).flatMap((wire) =>
    (chosenTables.length > 0 ? chosenTables : tables).map((scenario) => ({
      ...{ mode, scenario, tls: wire === "tls" },
    }))
  )
);
const extent = {
  calls: calls.some((call) => args.includes(call)) ? named(calls) : undefined,
  errors: args.includes("--quick") ? 1 : Infinity,
  lanes: Number(values("lanes")[0] ?? 4),
  stopped: () => stopped,
};

for (const part of parts) {
  if (stopped) break;
  const wire = part.tls ? "TLS" : "plain";
  console.error(`${part.mode}, ${wire}, ${part.scenario}`);
  await tryPart(part, extent, (trial) => {
    const { fault: { call, error, when }, seen, problems } = trial;
    count(`${call.padEnd(14)} ${part.mode} ${wire}`, trial);
    count(`all            ${part.mode} ${wire}`, trial);
    if (problems.length === 0 && !args.includes("--verbose")) return;
    console.log(
      `${part.mode} ${wire}, tables that ${part.scenario}: ${call} ${error} at ${when}: ` +
        `${trial.kind}; ${problems.join("; ")}\n    ${seen.trace.injected?.line ?? "no call"}\n` +
        `    ${JSON.stringify(seen.clients)}\n` +
        seen.log.map((line) => `    log: ${line}\n`).join(""),
    );
  });
}

const head = ["injected", ...KINDS, "problems"] as const;
const line = (name: string, cells: readonly unknown[]) =>
  `${name.padEnd(30)}${cells.map((cell) => String(cell).padStart(21)).join("")}`;
console.log(line("call, mode", head));
for (const [name, counts] of [...rows].sort(([one], [other]) => one < other ? -1 : 1)) {
  console.log(line(name, head.map((kind) => counts[kind])));
}
const found = [...rows].filter(([name]) => name.startsWith("all")).some(([, { problems }]) =>
  problems > 0
);
process.exit(found ? 1 : 0);
