import { readFileSync } from "node:fs";
import { PEERS } from "../tests/support/peers.ts";
import { childrenOf } from "../tests/support/processes.ts";
import { waitUntil } from "../tests/support/wait_until.ts";
import { type Agent, ask, ONCE } from "./ask.ts";
import { EXTENT } from "./extent.ts";
import { AT_ONCE } from "./measure_daemons.ts";
import {
  type Goal,
  isMet,
  type Memory,
  type MemoryComparison,
  type MemoryFindings,
} from "./outcome.ts";
import {
  NAP,
  nowaitServices,
  QUESTIONS,
  type Setting,
  settle,
  startDaemon,
  startServices,
  waitService,
} from "./sides.ts";

/** The resident set size of a process that waits for clients, in MiB. */
const IDLE_GOAL: Goal = { kind: "at most", value: 36 };
/** The resident set size after the last of many checks, divided by that after fewer. */
const GROWTH_GOAL: Goal = { kind: "at most", value: 1.1 };
/** How long an agent is idle before its memory is measured, in milliseconds. */
const QUIET = 1_000;
/** How long check_nrpe may take, in milliseconds. */
const CHECK_LIMIT = 30_000;

/**
 * Measures the memory of both agents, with one process of each at a time, so that no page is shared
 * with another process of the same program.
 */
export async function measureMemory(setting: Setting): Promise<MemoryFindings> {
  const { room, extent, syslog } = setting;
  const [few, many] = extent.memoryChecks;
  const napping = await whileNapping(setting);
  const waiting = await whileWaiting(setting);
  const common = { configs: setting.configs("memory"), tls: false };
  await using own = await startDaemon({ ...common, name: "daemon", program: room.binary });
  await using c = await startDaemon({ ...common, name: "C daemon", program: PEERS.agent.path });
  const askAgent = (agent: Agent, times: number) =>
    void ask(agent, QUESTIONS.echo, { times, atOnce: AT_ONCE }, [syslog]);
  const quiet = (pid: number) => {
    Bun.sleepSync(QUIET);
    return memoryOf(pid);
  };
  for (const { agent } of [own, c]) askAgent(agent, 1);
  const first = { own: quiet(own.pid), theirs: memoryOf(c.pid) };
  askAgent(own.agent, few - 1);
  const earlier = quiet(own.pid);
  askAgent(own.agent, many - few);
  const busy = memoryOf(own.pid);
  const later = quiet(own.pid);
  const ratio = later.rss / earlier.rss;
  const goal = many < EXTENT.full.memoryChecks[1] ? null : GROWTH_GOAL;
  const checks = (count: number) => `${count.toLocaleString("en")} checks`;
  return {
    memory: [
      row("inetd nowait, a plugin running", napping.own, napping.theirs),
      row("inetd wait, idle after its first check", waiting, null, IDLE_GOAL),
      row("daemon, idle after its first check", first.own, first.theirs, IDLE_GOAL),
      row(`daemon, a quiet second after ${checks(few)}`, earlier),
      row(`daemon, right after ${checks(many)}`, busy),
      row(`daemon, a quiet second after ${checks(many)}`, later),
    ],
    growth: {
      checks: [few, many],
      ratio,
      anonymous: later.anonymous / earlier.anonymous,
      goal,
      met: isMet(goal, ratio),
    },
  };
}

function row(
  title: string,
  own: Memory,
  theirs: Memory | null = null,
  goal: Goal | null = null,
): MemoryComparison {
  return { title, own, theirs, goal, met: isMet(goal, own.rss / 1024) };
}

/** Measures a process that inetd has started with the listening socket, after its first check. */
async function whileWaiting({ room, configs }: Setting): Promise<Memory> {
  await using services = await startServices([waitService(room, configs("memory_wait").inetd)]);
  ask(services.agents[0]!, QUESTIONS.echo, ONCE, [services.inetd.syslog]);
  Bun.sleepSync(QUIET);
  const resident = childrenOf(services.inetd.pid)[0]!;
  const memory = memoryOf(resident);
  process.kill(resident, "SIGTERM");
  settle(services.inetd.pid);
  return memory;
}

/** Measures agents under inetd while their plugins sleep. */
async function whileNapping(
  { room, configs }: Setting,
): Promise<{ readonly own: Memory; readonly theirs: Memory }> {
  const services = nowaitServices(room, configs("memory_nowait").inetd);
  const measured = async (name: string) => {
    await using started = await startServices(services.filter((service) => service.name === name));
    return await whileAsked(started.agents[0]!, started.inetd.pid);
  };
  return { own: await measured("nowait"), theirs: await measured("C") };
}

/** Asks in a separate process, since asking blocks, and measures the agent meanwhile. */
async function whileAsked({ port }: Agent, inetd: number): Promise<Memory> {
  await using check = Bun.spawn(
    [PEERS.checkNrpe.path, "-n", "-H", "127.0.0.1", "-p", String(port), "-c", NAP],
    { stdout: "ignore", timeout: CHECK_LIMIT },
  );
  await waitUntil("the plugin sleeps", () => childrenOf(inetd).some(hasSleepingPlugin));
  const memory = memoryOf(childrenOf(inetd)[0]!);
  await check.exited;
  return memory;
}

/** Whether a plugin is a child of a process, or of a fork of it. */
function hasSleepingPlugin(pid: number): boolean {
  return childrenOf(pid).some((child) =>
    readFileSync(`/proc/${child}/comm`, "latin1") === "sleep\n" || hasSleepingPlugin(child)
  );
}

/** The memory of a process. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const field = (name: string) => Number(new RegExp(`^${name}: +([0-9]+) kB$`, "m").exec(text)![1]);
  return { rss: field("Rss"), pss: field("Pss"), anonymous: field("Anonymous") };
}
