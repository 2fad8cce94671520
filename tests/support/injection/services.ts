/** The agent in each mode, with a call that fails while it serves a client. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../ask.ts";
import { type Daemon, startDaemon } from "../daemon.ts";
import {
  callOf,
  type Fault,
  readTrace,
  type Trace,
  traceRunning,
  tracingStarter,
} from "../faults.ts";
import { startInetd } from "../inetd.ts";
import { childrenOf, childrenWith, statusOf } from "../processes.ts";
import type { Room } from "../room.ts";
import { waitUntil } from "../wait_until.ts";
import { CALLS, CALLS_OF_CHILDREN } from "./calls.ts";
import { type Answer, type Observation, PATIENCE, PLUGIN } from "./judge.ts";
import { HOSTS, type Scenario } from "./scenarios.ts";

export const MODES = ["nowait", "wait", "daemon"] as const;
export type Mode = (typeof MODES)[number];

/** An agent that is asked again and again. */
export interface Service extends AsyncDisposable {
  /** Counts the calls of a conversation in which none fails. */
  count(): Promise<ReadonlyMap<string, Occurrences>>;
  /** Has a client served while a call fails. */
  observe(fault: Fault): Promise<Observation>;
}

/** Which calls of a name are the agent's own, and not of the runtime's start. */
export interface Occurrences {
  readonly first: number;
  readonly last: number;
}

/** How a service is started. */
export interface ServiceOptions {
  readonly room: Room;
  readonly tls: boolean;
  readonly scenario: Scenario;
}

/** Where the agent's own code begins: it asks whether descriptor 0 is a socket. */
const BEGINNING = /^getsockname\(0,/;
/**
 * How many clients a process that stays is asked by while no call fails: the first is served without an
 * event loop, and the second while the rest of the agent is being started.
 */
const CLIENTS = 3;
/** How long a process has to become quiet, in milliseconds. */
const QUIET_TIMEOUT = 5_000;

/** Starts a service. */
export function startService(mode: Mode, options: ServiceOptions): Promise<Service> {
  return mode === "daemon"
    ? startTracedDaemon(options)
    : startTracedInetd(options, mode === "wait");
}

function configOf({ room, scenario }: ServiceOptions): string {
  const plugin = `#!/bin/sh\necho '${PLUGIN.text}'\nexit ${PLUGIN.code}\n`;
  return `hosts_allow_file=${room.file("hosts.allow", scenario.allow)}\n` +
    `hosts_deny_file=${room.file("hosts.deny", scenario.deny)}\n` +
    `connection_timeout=5\ncommand_timeout=10\n` +
    `command[x]=${room.file("plugin", plugin, 0o755)}\n`;
}

/** Asks once; a client that has to wait for too long goes. */
async function askOnce(port: number, { tls, scenario }: ServiceOptions): Promise<Answer> {
  const begun = performance.now();
  const asking = { from: scenario.client(), ...(tls ? { tls: {} } : {}) };
  const asked = ask(port, "x", asking).then(({ code, text }) => ({ code, text }), () => undefined);
  const response = await Promise.race([asked, Bun.sleep(PATIENCE + 1000)]) ?? undefined;
  return { milliseconds: Math.round(performance.now() - begun), response };
}

async function startTracedInetd(options: ServiceOptions, wait: boolean): Promise<Service> {
  const { room, tls } = options;
  const traces = join(room.path, "traces");
  mkdirSync(traces);
  chmodSync(traces, 0o777);
  const starter = tracingStarter(room, traces, "agent");
  const argv = ["nrpe", ...(tls ? [] : ["-n"]), "-c", room.file("nrpe.cfg", configOf(options))];
  const service = { user: "nagios", program: starter.program, argv: [...argv, "--inetd"], wait };
  const inetd = await startInetd(room, [service], { files: HOSTS });
  const port = inetd.ports[0]!;
  const log = () =>
    inetd.syslog.take().map(({ text }) => text).filter((text) => text.startsWith("nrpe["));
  const agents = () => childrenOf(inetd.pid);
  let usual: number | undefined;
  /** Ends what is left of an agent, and waits for its trace. */
  const end = async (file: string): Promise<Trace> => {
    for (const pid of agents()) killIfThere(pid);
    await waitUntil("the agent has ended", () => agents().length === 0);
    // Of an agent that was killed at its start there is none.
    const limit = performance.now() + QUIET_TIMEOUT;
    while (readTrace(file).end === undefined && performance.now() < limit) await Bun.sleep(5);
    const trace = readTrace(file);
    rmSync(file, { force: true });
    return trace;
  };
  const serve = async (fault?: Fault): Promise<Observation> => {
    log();
    const file = starter.arm(CALLS, fault);
    const clients = [await askOnce(port, options)];
    if (!wait) {
      await waitUntil("the agent has ended", () => readTrace(file).end !== undefined);
      const trace = readTrace(file);
      rmSync(file);
      return {
        ...{ trace, reached: reachedIn(trace), clients, next: undefined },
        ...{ log: log(), gone: false, left: [] },
      };
    }
    const [pid] = agents();
    const isOver = () => readTrace(file).injected !== undefined;
    // Where no call fails, the next client's calls are counted, too.
    const most = fault === undefined ? CLIENTS : CLIENTS + 1;
    while (clients.length < most && !isOver()) clients.push(await askOnce(port, options));
    const wasOver = isOver();
    let next = await askOnce(port, options);
    if (!wasOver && isOver()) {
      clients.push(next);
      next = await askOnce(port, options);
    }
    const gone = readTrace(file).end !== undefined;
    const left = pid === undefined || gone ? [] : await leftIn(pid, usual);
    if (fault === undefined && pid !== undefined) usual = descriptorsOf(pid);
    const trace = await end(file);
    const died = gone || pid === undefined;
    return { trace, reached: reachedIn(trace), clients, next, log: log(), gone: died, left };
  };
  return {
    async count() {
      const { trace } = await serve();
      const begin = trace.lines.findIndex((line) => BEGINNING.test(line));
      return occurrencesIn(trace.lines, begin);
    },
    observe: serve,
    async [Symbol.asyncDispose]() {
      for (const pid of agents()) killIfThere(pid);
      await inetd[Symbol.asyncDispose]();
    },
  };
}

/** Whether the call failed after the runtime's start. */
function reachedIn({ lines, injected }: Trace): boolean {
  if (injected === undefined) return false;
  const begin = lines.findIndex((line) => BEGINNING.test(line));
  return begin >= 0 && injected.at >= begin;
}

async function startTracedDaemon(options: ServiceOptions): Promise<Service> {
  const { room, tls } = options;
  const config = configOf(options);
  const start = async (): Promise<{ daemon: Daemon; usual: number }> => {
    const daemon = await startDaemon(room, { config, args: tls ? [] : ["-n"], files: HOSTS });
    // What it opens at the first client stays open.
    for (let count = 0; count < 2; count++) await askOnce(daemon.port, options);
    await leftIn(daemon.pid, 0);
    return { daemon, usual: descriptorsOf(daemon.pid) };
  };
  let current = await start();
  let count = 0;
  let former: Fault | undefined;
  const observe = async (fault?: Fault): Promise<Observation> => {
    const late: string[] = [];
    if (!isAlive(current.daemon.pid)) {
      late.push(`the process ended later after ${former?.call} ${former?.error}`);
      current = await start();
    }
    former = fault;
    const { daemon, usual } = current;
    const file = join(room.path, `trace.${++count}`);
    const from = daemon.log().length;
    const calls = fault?.inChildren && fault.path === undefined ? CALLS_OF_CHILDREN : CALLS;
    // Processes that run already are not followed.
    if (fault?.inChildren) {
      for (const pid of childrenWith(daemon.pid, "--look-up")) killIfThere(pid);
    }
    const tracer = await traceRunning(daemon.pid, file, calls, fault);
    const clients = [await askOnce(daemon.port, options)];
    if (isAlive(daemon.pid)) await leftIn(daemon.pid, usual);
    await tracer[Symbol.asyncDispose]();
    const trace = readTrace(file);
    rmSync(file, { force: true });
    const alive = isAlive(daemon.pid);
    const next = alive ? await askOnce(daemon.port, options) : undefined;
    const gone = !isAlive(daemon.pid);
    const left = gone ? late : [...late, ...await leftIn(daemon.pid, usual)];
    const log = daemon.log().slice(from).split("\n");
    // What is left over would be counted with every later fault.
    if (gone || left.length > 0 || fault?.call === "close") {
      await daemon[Symbol.asyncDispose]();
      current = await start();
    }
    return { trace, reached: trace.injected !== undefined, clients, next, log, gone, left };
  };
  return {
    async count() {
      const { trace } = await observe();
      return occurrencesIn(trace.lines, 0);
    },
    observe,
    [Symbol.asyncDispose]: () => current.daemon[Symbol.asyncDispose](),
  };
}

function occurrencesIn(lines: readonly string[], begin: number): Map<string, Occurrences> {
  const found = new Map<string, Occurrences>();
  const counts = new Map<string, number>();
  lines.forEach((line, at) => {
    const call = callOf(line);
    const count = (counts.get(call) ?? 0) + 1;
    counts.set(call, count);
    if (at >= begin) found.set(call, { first: found.get(call)?.first ?? count, last: count });
  });
  return found;
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`) && !statusOf(pid, "State").startsWith("Z");
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** How many descriptors a process has open, without those to the processes that look names up. */
function descriptorsOf(pid: number): number {
  const path = `/proc/${pid}/fd`;
  return existsSync(path) ? readdirSync(path).length - childrenWith(pid, "--look-up").length : 0;
}

/** Waits until a process is quiet; returns what is left over in it then. */
async function leftIn(pid: number, usual: number | undefined): Promise<readonly string[]> {
  const excess = () => descriptorsOf(pid) - (usual ?? Infinity);
  const zombies = () =>
    childrenOf(pid).filter((child) =>
      existsSync(`/proc/${child}/status`) && /^State:\s*Z/m.test(stateOf(child))
    ).length;
  const end = performance.now() + (usual === 0 ? 1000 : QUIET_TIMEOUT);
  while ((excess() > 0 || zombies() > 0) && performance.now() < end) await Bun.sleep(5);
  return [
    ...(excess() > 0 ? [`${excess()} descriptors are left open`] : []),
    ...(zombies() > 0 ? [`${zombies()} zombies are left`] : []),
  ];
}

function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return "";
  }
}
