import { allowedHostText } from "../config/allowed_hosts.ts";
import { byteStringOf } from "../bytes.ts";
import type { Serve } from "../cli.ts";
import {
  daemonEnvironment,
  inheritedVariables,
  pluginEnvironment,
  variableName,
} from "../command/environment.ts";
import { makeExecutor } from "../command/executor.ts";
import type { Config } from "../config/config.ts";
import { CANNOT_SERVE, SERVED } from "../exit_status.ts";
import { type Log, Severity } from "../log.ts";
import { openEarlyLog } from "./start.ts";
import { describeErrno, now } from "../system/libc.ts";
import { notifyVia } from "../system/notify.ts";
import { type OpenLog, openLog } from "../system/open_log.ts";
import { holdPidFile, type PidFile } from "../system/pid_file.ts";
import { openFilesLimit } from "../system/process.ts";
import type { Stream } from "../system/stream.ts";
import { callAt, type Timer } from "../system/timer.ts";
import { catchUnexpected, describeUnexpected } from "./unexpected.ts";
import { type Generation, type Line, makeGeneration } from "./generation.ts";
import { giveBackMemory } from "./give_back_memory.ts";
import { assume, type Identity, identityOf, variablesOf } from "./agent_identity.ts";
import { type Listeners, makeListeners, type Place, placesOf } from "./listeners.ts";
import { logRarely } from "./rate_limited_log.ts";
import { makeServer, type Server } from "./server.ts";
import { steadyRuntime } from "./steady_runtime.ts";

/** After what time a process is one that stays, in milliseconds. */
const SETTLED_IN = 100;

/** How long clients have for taking the last answers, in milliseconds. */
const LAST_ANSWERS = 3_000;

/** How a process that serves many clients lives. */
export interface Residence {
  readonly invocation: Serve;
  /** Listening sockets that somebody else has bound; without any the agent binds its own. */
  readonly inherited: readonly number[];
  /** Whether it is inetd's service, which ends when nobody asks any more. */
  readonly inetd: boolean;
  /** Gets the lines of the log too. */
  readonly early: Log;
  /** Called when the agent serves. */
  readonly ready: () => void;
  /** Told why the agent cannot serve, with the log for that; without it the log gets all the lines. */
  readonly cannotServe?: (lines: readonly Line[], log: OpenLog) => void;
  /** Settled when nobody takes the sockets back: the agent then ends after the clients that it has. */
  readonly abandoned?: Promise<void>;
}

/** What went wrong at the start, in words for the log. */
class CannotServe extends Error {
  constructor(readonly lines: readonly Line[]) {
    super();
  }
}

/**
 * Serves until it is told to end, or, as inetd's service, until nobody has asked for a while.
 * @returns The exit status.
 */
export async function reside(residence: Residence): Promise<number> {
  // One under inetd is started again when it is needed, and has to be there quickly.
  if (!residence.inetd) steadyRuntime(residence.inherited);
  // The binary is compiled to stay in the interpreter; here code runs often enough to be compiled, but
  // compiling is not to hold up the client that a service of inetd was started for.
  setTimeout(() => Bun.unsafe.setJITPolicy(1), SETTLED_IN).unref();
  const voice: Voice = { openLog: openEarlyLog(residence.early) };
  try {
    return await live(residence, voice);
  } catch (error) {
    if (!(error instanceof CannotServe)) throw error;
    const say = residence.cannotServe ?? sayAll;
    say(error.lines, voice.openLog);
    return CANNOT_SERVE;
  }
}

function sayAll(lines: readonly Line[], log: Log): void {
  for (const { severity, message } of lines) log(severity, message);
}

/** The log, wherever it goes by now. */
interface Voice {
  openLog: OpenLog;
}

interface Life extends Voice {
  readonly residence: Residence;
  /** A path as seen from where the agent was started; a daemon moves to `/`. */
  readonly resolve: (path: string) => string;
  /** The log of the configuration in force. */
  readonly log: Log;
  readonly identity: Identity;
  generation: Generation;
}

/** The whole life of the process, from the configuration to the last answer. */
async function live(residence: Residence, voice: Voice): Promise<number> {
  const { inetd, invocation, ready } = residence;
  const notify = notifyVia(process.env.NOTIFY_SOCKET);
  const life = await begin(residence, voice);
  const { identity, log } = life;
  // It ends what it came from, and no other conversation.
  catchUnexpected((error) => log(Severity.error, describeUnexpected(error)));
  let stopping = false;
  const ending = Promise.withResolvers<string>();
  // From here on no signal of those that an administrator sends may end the agent before its time.
  for (const name of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
    process.on(name, () => {
      // A second signal ends what runs at once.
      if (stopping) executor.stop();
      else ending.resolve(name);
    });
  }
  const serving = Promise.withResolvers<void>();
  onHangup(async () => {
    await serving.promise;
    if (stopping) return;
    notify("RELOADING=1");
    await reload(life, listeners);
    executor.wake();
    notify("READY=1");
  });
  const executor = makeExecutor(() => life.generation.config.max_commands);
  const { promise: idle, resolve: becomeIdle } = Promise.withResolvers<void>();
  let idleTimer: Timer | undefined;
  const waitForIdleness = () => {
    idleTimer?.cancel();
    if (!inetd) return;
    const patience = life.generation.config.wait_idle_timeout * 1000;
    idleTimer = callAt(now() + patience, () => server.connections() === 0 && becomeIdle());
  };
  const server = makeServer({
    current: () => life.generation,
    log,
    executor,
    environment: environmentFor(residence, identity),
    files: openFilesLimit(),
    idle() {
      waitForIdleness();
      rest();
    },
  });
  const rest = giveBackMemory(server.connections, server.served);
  const rarely = logRarely(log, now);
  // One socket may accept while another is being bound, and root's rights are not given up yet:
  // nobody is heard before they are.
  const take = (stream: Stream) => void serving.promise.then(() => server.take(stream));
  const listeners = makeListeners(take, (errno) => {
    const failure = `Network server accept failure (${errno}: ${describeErrno(errno)})`;
    rarely("accept", failure);
  });
  const pidFile = await settle(life, listeners);
  if (!inetd && invocation.changeDirectory) process.chdir("/");
  ready();
  serving.resolve();
  notify("READY=1");
  waitForIdleness();
  void residence.abandoned?.then(() => {
    log(Severity.notice, "The process that started the agent has ended - finishing...");
    becomeIdle();
  });
  const signal = await Promise.race([ending.promise, idle]);
  stopping = true;
  if (signal !== undefined) log(Severity.notice, `Caught ${signal} - shutting down...`);
  notify("STOPPING=1");
  listeners.close();
  // After the port: the next agent takes the port first.
  pidFile?.release();
  if (signal !== undefined) server.dismiss();
  // Nobody waits for an end that no signal has asked for.
  const patience = life.generation.config.shutdown_timeout * 1000;
  await untilGone(server, signal === undefined ? Infinity : patience);
  executor.stop();
  await untilGone(server, LAST_ANSWERS);
  if (pidFile?.remove() === false) {
    log(Severity.error, `Cannot remove pidfile '${pidFile.path}' - check your privileges.`);
  }
  if (!inetd) log(Severity.notice, "Daemon shutdown");
  return SERVED;
}

/** Reads the configuration and opens the log. */
async function begin(residence: Residence, voice: Voice): Promise<Life> {
  const directory = byteStringOf(process.cwd());
  const resolve = (path: string) => path.startsWith("/") ? path : `${directory}/${path}`;
  const log: Log = (severity, message) => voice.openLog(severity, message);
  const result = await makeGeneration({ ...surroundings(residence), resolve, log });
  const settings = result.kind === "failure" ? result.log : result.generation.config;
  voice.openLog = openLog(settings, residence.early);
  if (result.kind === "failure") {
    const message = `Config file '${residence.invocation.config}' contained errors, aborting...`;
    throw new CannotServe([...result.lines, { severity: Severity.error, message }]);
  }
  const identity = identityOf(result.generation.config);
  if (identity.kind === "failure") {
    const message = identity.reason;
    throw new CannotServe([...result.lines, { severity: Severity.error, message }]);
  }
  for (const { severity, message } of result.lines) log(severity, message);
  if (identity.doubt !== undefined) log(Severity.warning, identity.doubt);
  const { generation } = result;
  return Object.assign(voice, { residence, resolve, log, generation, identity: identity.identity });
}

function surroundings({ invocation, inetd }: Residence) {
  return { path: invocation.config, tls: invocation.tls, allowedHosts: !inetd };
}

/** What a service manager says to the agent and to nobody else. */
const MANAGERS = [
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "LISTEN_PIDFDID",
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
];

/**
 * Under inetd plugins get what the agent was given, as in a process for one client. That is read here
 * and now: who has given up root's rights can no longer see it.
 */
function environmentFor({ inetd }: Residence, identity: Identity) {
  if (inetd) {
    const asUnderInetd = pluginEnvironment().filter((one) => !MANAGERS.includes(variableName(one)));
    return () => asUnderInetd;
  }
  const own = inheritedVariables();
  const user = variablesOf(identity);
  return ({ config }: Generation): readonly string[] =>
    daemonEnvironment(own, config.keep_env_vars, user);
}

/** Takes the sockets and the pid file, and gives up root's rights. */
async function settle(
  { residence, generation: { config }, identity, log }: Life,
  listeners: Listeners,
): Promise<PidFile | undefined> {
  const { inetd, inherited, invocation } = residence;
  if (!inetd) log(Severity.notice, "Starting up daemon");
  if (inherited.length === 0) {
    try {
      const places = await placesOf(config, invocation.family);
      announce(listeners.move(places, config.listen_queue_size), config, log);
    } catch (error) {
      throw new CannotServe([{ severity: Severity.error, message: (error as Error).message }]);
    }
  }
  const pidFile = inetd || config.pid_file === undefined
    ? undefined
    : takePidFile(config.pid_file, identity);
  if (identity.become !== undefined) listeners.giveTo(identity.uid, identity.gid);
  try {
    assume(identity);
  } catch (error) {
    pidFile?.remove();
    throw new CannotServe([{ severity: Severity.error, message: `Error: ${error}` }]);
  }
  // Where that failed, nobody has been accepted who would be lost.
  for (const fd of inherited) listeners.inherit(fd, config.listen_queue_size);
  return pidFile;
}

function announce(places: readonly Place[], config: Config, log: Log): void {
  for (const { address, port } of places) {
    log(Severity.info, `Server listening on ${address} port ${port}.`);
  }
  log(Severity.info, `Listening for connections on port ${config.server_port}`);
  const hosts = config.allowed_hosts?.map(allowedHostText);
  if (hosts !== undefined) log(Severity.info, `Allowing connections from: ${hosts.join(",")}`);
}

function takePidFile(path: string, identity: Identity): PidFile {
  const result = holdPidFile(path, identity);
  switch (result.kind) {
    case "held":
      return result.file;
    case "taken": {
      const message = `There's already an NRPE server running (PID ${result.pid}).  Bailing out...`;
      throw new CannotServe([{ severity: Severity.error, message }]);
    }
    case "failed": {
      const message =
        `Cannot write to pidfile '${path}' - check your privileges. (${result.reason})`;
      throw new CannotServe([{ severity: Severity.error, message }]);
    }
  }
}

/** Calls a function at every SIGHUP; those that come meanwhile make it one more call. */
function onHangup(act: () => Promise<void>): void {
  let state: "idle" | "acting" | "once more" = "idle";
  process.on("SIGHUP", async () => {
    if (state !== "idle") {
      state = "once more";
      return;
    }
    try {
      do {
        state = "acting";
        await act();
      } while (state as string === "once more");
    } finally {
      state = "idle";
    }
  });
}

/** Puts the configuration as it is now in force, whole; where something is wrong, nothing changes. */
async function reload(life: Life, listeners: Listeners): Promise<void> {
  const { residence, resolve, log, generation: old } = life;
  const { invocation, inherited } = residence;
  log(Severity.notice, "Caught SIGHUP - restarting...");
  const surrounding = { ...surroundings(residence), resolve, log, inForce: old };
  const result = await makeGeneration(surrounding);
  const refuse = (lines: readonly Line[]) => {
    for (const { severity, message } of lines) log(severity, message);
    log(
      Severity.error,
      `Config file '${invocation.config}' cannot be put in force, the old configuration stays`,
    );
  };
  if (result.kind === "failure") return refuse(result.lines);
  const { generation } = result;
  const { config } = generation;
  let opened: readonly Place[] = [];
  if (inherited.length === 0) {
    try {
      const places = await placesOf(config, invocation.family);
      opened = listeners.move(places, config.listen_queue_size);
    } catch (error) {
      generation.allowList.close();
      return refuse([{ severity: Severity.error, message: (error as Error).message }]);
    }
  }
  life.generation = generation;
  old.allowList.close();
  life.openLog.close();
  life.openLog = openLog(config, residence.early);
  for (const { severity, message } of result.lines) log(severity, message);
  announce(opened, config, log);
}

/** Waits until no client is connected any more, or the patience, in milliseconds, is at its end. */
async function untilGone(server: Server, patience: number): Promise<void> {
  const end = performance.now() + patience;
  while (server.connections() > 0 && performance.now() < end) await Bun.sleep(10);
}
