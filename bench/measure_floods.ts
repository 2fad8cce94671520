/** How a good client is served while others mean harm. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { now } from "../lib/system/libc.ts";
import { PEERS } from "../tests/support/peers.ts";
import { childrenOf } from "../tests/support/processes.ts";
import type { Syslog } from "../tests/support/syslog.ts";
import { type Agent, ask, ONCE } from "./ask.ts";
import { memoryOf } from "./measure_memory.ts";
import type { FloodFinding } from "./outcome.ts";
import { QUESTIONS, type Setting, startDaemon, startServices, waitService } from "./sides.ts";
import { quantile, sort } from "./statistics.ts";

/** The pause between two checks of the good client, in milliseconds. */
const PAUSE = 20;
/** How long an agent is left alone before its memory is measured again, in milliseconds. */
const QUIET = 2_000;
/** The pause between two reloads of a storm, in milliseconds. */
const RELOAD_PAUSE = 2;
/** The time in which the flood begins, in milliseconds. */
const ONSET = 300;
/** The clock ticks of /proc/PID/stat in a second. */
const TICKS = 100;

/** What others do meanwhile. */
interface Scenario {
  readonly title: string;
  /** Whether the tables and `allowed_hosts` admit those who do it. */
  readonly admitted: boolean;
  /** The arguments of each client of flood_client.ts, but for port and time. */
  readonly clients: readonly (readonly [kind: string, sources: number, count?: number])[];
  readonly reloads?: true;
  /** Only where a handshake is expected. */
  readonly tlsOnly?: true;
}

const HOSTS_ALLOW = "/etc/hosts.allow";
/** How many addresses are many. */
const MANY = 65_536;

const SCENARIOS: readonly Scenario[] = [
  { title: "nobody else", admitted: true, clients: [] },
  { title: "refused, one address", admitted: false, clients: [["connects", 1]] },
  { title: "refused, many addresses", admitted: false, clients: [["connects", MANY]] },
  { title: "admitted, one address", admitted: true, clients: [["connects", 1]] },
  { title: "admitted, many addresses", admitted: true, clients: [["connects", MANY]] },
  { title: "handshakes, one address", admitted: true, clients: [["hellos", 1]], tlsOnly: true },
  {
    title: "handshakes, many addresses",
    admitted: true,
    clients: [["hellos", MANY]],
    tlsOnly: true,
  },
  {
    title: "800 silent, 200 slow",
    admitted: true,
    clients: [["silent", 1, 800], ["slow", 1, 200]],
  },
  { title: "reloads, a broken file in turn", admitted: true, clients: [], reloads: true },
];

/** An agent that is flooded, and the process of it that serves. */
interface Flooded extends AsyncDisposable {
  readonly agent: Agent;
  readonly pid: number;
  /** Its nrpe.cfg. */
  readonly config: string;
  readonly syslog: Syslog;
}

/** Floods this agent as a daemon and under inetd, and the C agent as a daemon. */
export async function measureFloods(setting: Setting): Promise<FloodFinding[]> {
  const findings: FloodFinding[] = [];
  const usual = readFileSync(HOSTS_ALLOW);
  for (const scenario of SCENARIOS) {
    // Both agents ask it; it is this run's own.
    writeFileSync(HOSTS_ALLOW, scenario.admitted ? "nrpe: 127.\n" : usual);
    for (const start of sidesOf(setting, scenario)) {
      await using flooded = await start();
      const finding = await measureOne(setting, scenario, flooded);
      const { title, side, rate, median, failed } = finding;
      console.error(
        `  ${title}, ${side}: ${rate.toFixed(0)} /s, ${median.toFixed(1)} ms, ${failed} failed`,
      );
      findings.push(finding);
    }
  }
  writeFileSync(HOSTS_ALLOW, usual);
  return findings;
}

function sidesOf(setting: Setting, scenario: Scenario): readonly (() => Promise<Flooded>)[] {
  const { room } = setting;
  // Lines of allowed_hosts add up.
  const hosts = scenario.admitted ? "allowed_hosts=127.0.0.0/8\n" : "";
  const configs = setting.configs(scenario.admitted ? "floods" : "floods_refused", hosts);
  const daemon = (name: string, program: string, tls: boolean) => async () => {
    const started = await startDaemon({ name, program, tls, configs });
    const { agent, pid } = started;
    const dispose = () => started[Symbol.asyncDispose]();
    const config = configs.daemon(agent.port);
    return { agent, pid, config, syslog: setting.syslog, [Symbol.asyncDispose]: dispose };
  };
  const wait = async () => {
    const services = await startServices([waitService(room, configs.inetd)]);
    const [agent] = services.agents as [Agent];
    const { syslog } = services.inetd;
    ask(agent, QUESTIONS.echo, ONCE, [syslog]);
    const [pid] = childrenOf(services.inetd.pid);
    if (pid === undefined) throw new Error("inetd has started no agent");
    const dispose = async () => {
      if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
      await services[Symbol.asyncDispose]();
    };
    return { agent, pid, config: configs.inetd, syslog, [Symbol.asyncDispose]: dispose };
  };
  // A broken file ends the C agent.
  const theirs = scenario.reloads ? [] : [
    ...scenario.tlsOnly ? [] : [daemon("C daemon", PEERS.agent.path, false)],
    daemon("C daemon TLS", PEERS.agent.path, true),
  ];
  return [
    ...scenario.tlsOnly ? [] : [daemon("daemon", room.binary, false), wait],
    daemon("daemon TLS", room.binary, true),
    ...theirs,
  ];
}

async function measureOne(
  { extent }: Setting,
  { title, clients, reloads }: Scenario,
  { agent, pid, config, syslog }: Flooded,
): Promise<FloodFinding> {
  const { floodTime } = extent;
  ask(agent, QUESTIONS.echo, ONCE, [syslog]);
  Bun.sleepSync(ONSET);
  syslog.take();
  const before = { memory: memoryOf(pid), time: timeOf(pid) };
  const flooding = clients.map(([kind, ...rest]) => startClient(kind, agent.port, floodTime, rest));
  const storm = reloads ? startStorm(pid, config) : undefined;
  Bun.sleepSync(ONSET);
  const took: number[] = [];
  let failed = 0;
  let lines = 0;
  const begun = now();
  while (now() - begun < floodTime - 2 * ONSET) {
    const asked = now();
    try {
      took.push(ask(agent, QUESTIONS.echo, ONCE, [])[0]!);
    } catch {
      failed++;
      took.push(now() - asked);
    }
    lines += syslog.take().length;
    Bun.sleepSync(PAUSE);
  }
  const ended = now();
  const cpu = (timeOf(pid) - before.time) / TICKS / ((ended - begun + ONSET) / 1000);
  await storm?.();
  let made = 0;
  for (const client of flooding) made += Number(await new Response(client.stdout).text());
  await Bun.sleep(QUIET);
  lines += syslog.take().length;
  const sorted = sort(took);
  return {
    title,
    side: agent.name,
    rate: made / (floodTime / 1000),
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    longest: sorted.at(-1)!,
    answered: took.length - failed,
    failed,
    memory: [before.memory.rss, memoryOf(pid).rss],
    lines,
    cpu,
  };
}

function startClient(
  kind: string,
  port: number,
  time: number,
  rest: readonly (number | undefined)[],
) {
  const [sources, count = 0] = rest;
  const script = join(import.meta.dir, "flood_client.ts");
  const args = [kind, port, sources, time, count].map(String);
  return Bun.spawn([process.execPath, script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 10 * time,
  });
}

/** Sends SIGHUP as often as it can, from another process, with a broken nrpe.cfg in turn. */
function startStorm(pid: number, config: string): () => Promise<void> {
  const good = readFileSync(config, "latin1");
  const broken = `${config}.broken`;
  writeFileSync(`${config}.good`, good);
  writeFileSync(broken, `${good}command_timeout=never\n`);
  const script = `while :; do for from in broken good; do cp "$0.$from" "$0.new"; ` +
    `mv "$0.new" "$0"; kill -HUP "$1"; sleep ${RELOAD_PAUSE / 1000}; done; done`;
  const storm = Bun.spawn(["sh", "-c", script, config, String(pid)], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  return async () => {
    storm.kill();
    await storm.exited;
    writeFileSync(config, good);
    process.kill(pid, "SIGHUP");
  };
}

/** The processor time of a process, in clock ticks, see proc(5) on stat. */
function timeOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
