import { readFileSync } from "node:fs";
import { PEERS } from "../tests/support/peers.ts";
import { childrenOf } from "../tests/support/processes.ts";
import type { Room } from "../tests/support/room.ts";
import type { Syslog } from "../tests/support/syslog.ts";
import { waitUntil } from "../tests/support/wait_until.ts";
import { type Agent, type Amount, ask } from "./ask.ts";
import type { Extent } from "./extent.ts";
import { AT_ONCE } from "./measure_daemons.ts";
import { type Goal, type Growth, isMet, type Memory, type MemoryComparison } from "./outcome.ts";
import {
  type Configs,
  NAP,
  nowaitServices,
  QUESTIONS,
  startDaemon,
  startServices,
} from "./sides.ts";

/** The number of checks after which a daemon's growth has a goal. */
const CHECKS_WITH_GOAL = 100_000;
const GROWTH_GOAL: Goal = { kind: "at most", ratio: 1.1 };
/** How long a daemon is idle before its memory is measured, in milliseconds. */
const QUIET = 1_000;
const ONCE: Amount = { times: 1, atOnce: 1 };

/** The memory of both agents. */
export interface MemoryFindings {
  readonly memory: readonly MemoryComparison[];
  readonly growth: Growth;
}

/**
 * Measures the memory of both agents, with one process of each at a time, so that no page is shared
 * with another process of the same program.
 */
export async function measureMemory(
  room: Room,
  configs: Configs,
  { memoryChecks }: Extent,
  syslog: Syslog,
): Promise<MemoryFindings> {
  const napping = await whileNapping(room, configs);
  const common = { configs, tls: false };
  await using own = await startDaemon({ ...common, name: "daemon", program: room.binary });
  await using c = await startDaemon({ ...common, name: "C daemon", program: PEERS.agent.path });
  const askBoth = (amount: Amount) => {
    for (const { agent } of [own, c]) ask(agent, QUESTIONS.echo, amount, [syslog]);
  };
  askBoth(ONCE);
  const idle = { own: memoryOf(own.pid), theirs: memoryOf(c.pid) };
  ask(own.agent, QUESTIONS.echo, { times: memoryChecks, atOnce: AT_ONCE }, [syslog]);
  const busy = memoryOf(own.pid);
  Bun.sleepSync(QUIET);
  const after = memoryOf(own.pid);
  const ratio = after.rss / idle.own.rss;
  const checks = memoryChecks.toLocaleString("en");
  return {
    memory: [
      { title: "inetd nowait, a plugin running", ...napping },
      { title: "daemon, after one check", ...idle },
      { title: `daemon, right after ${checks} checks`, own: busy, theirs: null },
      { title: "daemon, a quiet second later", own: after, theirs: null },
    ],
    growth: {
      checks: memoryChecks,
      ratio,
      anonymous: after.anonymous / idle.own.anonymous,
      goal: GROWTH_GOAL,
      met: memoryChecks < CHECKS_WITH_GOAL ? null : isMet(GROWTH_GOAL, ratio),
    },
  };
}

/** Measures agents under inetd while their plugins sleep. */
async function whileNapping(
  room: Room,
  configs: Configs,
): Promise<Pick<MemoryComparison, "own" | "theirs">> {
  const services = nowaitServices(room, configs.inetd);
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
    { stdout: "ignore" },
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

function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const field = (name: string) => Number(new RegExp(`^${name}: +([0-9]+) kB$`, "m").exec(text)![1]);
  return { rss: field("Rss"), pss: field("Pss"), anonymous: field("Anonymous") };
}
