import { makeExecutor } from "../command/executor.ts";
import { CANNOT_SERVE, SERVED } from "../exit_status.ts";
import { Severity } from "../log.ts";
import { acceptFailure } from "../system/accept.ts";
import { now } from "../system/libc.ts";
import { notifyVia } from "../system/notify.ts";
import { onSignal } from "../system/on_signal.ts";
import { openFilesLimit } from "../system/process.ts";
import type { Stream } from "../system/stream.ts";
import { callAt, type Timer } from "../system/timer.ts";
import { expiryOf } from "../tls/expiry.ts";
import { makeClientLog } from "./client_log.ts";
import type { Generation } from "./generation.ts";
import { giveBackMemory } from "./give_back_memory.ts";
import { makeListeners } from "./listeners.ts";
import { makeMetrics, type Present } from "./metrics.ts";
import { keepMetricsFile } from "./metrics_file.ts";
import { environmentOfDaemon, inetdEnvironment } from "./plugin_environment.ts";
import { rateLimitedLog } from "./rate_limited_log.ts";
import { oneAtATime, reload } from "./reload_daemon.ts";
import { fixRuntimeThreads } from "./runtime_threads.ts";
import { makeServer, type Server } from "./server.ts";
import {
  CannotServe,
  configureDaemon,
  type CurrentLog,
  type DaemonOptions,
  takeSockets,
} from "./start_daemon.ts";
import { openEarlyLog } from "./start.ts";
import { catchUnexpected, describeUnexpected } from "./unexpected.ts";

/** After what time code is compiled, in milliseconds; see {@link runDaemonProcess}. */
const COMPILE_AFTER = 100;

/** How long the files of the configuration are taken for unchanged, in milliseconds. */
const FILES_INTERVAL = 100;

/** How long clients have for taking the last answers, in milliseconds. */
const LAST_ANSWERS = 3_000;

/**
 * Serves until a signal ends the process, or, as a service of inetd, until no client has come for a
 * while.
 * @returns The exit status.
 */
export async function runDaemonProcess(options: DaemonOptions): Promise<number> {
  // One under inetd is started again when it is needed, and has to be there quickly.
  if (!options.inetd) fixRuntimeThreads(options.inherited);
  // The binary is compiled to stay in the interpreter; here code runs often enough to be compiled. That
  // must not delay the client for which inetd has started the agent.
  setTimeout(() => Bun.unsafe.setJITPolicy(1), COMPILE_AFTER).unref();
  const current: CurrentLog = { openLog: openEarlyLog(options.copy) };
  try {
    return await serveUntilTheEnd(options, current);
  } catch (error) {
    if (!(error instanceof CannotServe)) throw error;
    const log = current.openLog;
    if (options.cannotServe !== undefined) options.cannotServe(error.lines, log);
    else for (const { severity, message } of error.lines) log(severity, message);
    return CANNOT_SERVE;
  }
}

async function serveUntilTheEnd(options: DaemonOptions, current: CurrentLog): Promise<number> {
  const { inetd, invocation } = options;
  const notify = notifyVia(process.env.NOTIFY_SOCKET);
  const daemon = await configureDaemon(options, current);
  const { identity, log } = daemon;
  // An exception ends the conversation that it came from, and no other.
  catchUnexpected((error) => log(Severity.error, describeUnexpected(error)));
  let stopping = false;
  const ending = Promise.withResolvers<string>();
  // From here on the signals that an administrator sends end the agent in order.
  for (const name of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
    onSignal(name, () => {
      // A second signal ends what runs at once.
      if (stopping) executor.stop();
      else ending.resolve(name);
    });
  }
  const serving = Promise.withResolvers<void>();
  const restart = oneAtATime(async (reason) => {
    await serving.promise;
    if (stopping) return;
    notify("RELOADING=1");
    await reload(daemon, listeners, reason);
    executor.wake();
    notify("READY=1");
    metricsFile.write();
  });
  onSignal("SIGHUP", () => void restart("Caught SIGHUP - restarting..."));
  let filesSeen = now();
  /** Under inetd a change of nrpe.cfg counts from the next check on, as it does with nowait. */
  const refresh = (): Promise<void> | undefined => {
    if (!inetd || now() - filesSeen < FILES_INTERVAL) return undefined;
    filesSeen = now();
    if (!daemon.hasChanged()) return undefined;
    return restart("The configuration has changed - reading it again...");
  };
  const metrics = makeMetrics(Math.floor(Date.now() / 1000));
  const executor = makeExecutor(() => daemon.generation.config.max_commands, metrics.ran);
  const { promise: idle, resolve: becomeIdle } = Promise.withResolvers<void>();
  let idleTimer: Timer | undefined;
  const restartIdleTimer = () => {
    idleTimer?.cancel();
    if (!inetd) return;
    const timeout = daemon.generation.config.wait_idle_timeout * 1000;
    idleTimer = callAt(now() + timeout, () => server.connections() === 0 && becomeIdle());
  };
  const clientLog = makeClientLog(log, (act, time) => void setTimeout(act, time).unref());
  const server = makeServer({
    current: () => daemon.generation,
    refresh,
    log,
    clientLog,
    executor,
    metrics,
    environment: inetd ? inetdEnvironment() : environmentOfDaemon(identity),
    files: openFilesLimit(),
    idle() {
      restartIdleTimer();
      giveBack();
    },
  });
  const giveBack = giveBackMemory(server.connections, server.served);
  const limitedLog = rateLimitedLog(log, now);
  // One socket may accept while another is being bound and the process is still root: no client is
  // heard before all is ready.
  const take = (stream: Stream) => void serving.promise.then(() => server.take(stream));
  const listeners = makeListeners(take, (errno) => {
    limitedLog("accept", acceptFailure(errno));
  });
  const pidFile = await takeSockets(daemon, listeners);
  if (!inetd && invocation.changeDirectory) process.chdir("/");
  const { first } = options;
  first?.join(executor, server.join(first.stream));
  options.ready();
  serving.resolve();
  notify("READY=1");
  const metricsFile = keepMetricsFile(
    () => daemon.generation.config.metrics_file,
    () =>
      metrics.exposition({
        connections: server.connections(),
        ...executor.count(),
        ...expiriesOf(daemon.generation),
      }),
    log,
  );
  restartIdleTimer();
  // The first client of inetd's service has been served before the server counts any.
  if (inetd) giveBack();
  void options.abandoned?.then(() => {
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
  // Without a signal nothing waits for the end.
  const timeout = daemon.generation.config.shutdown_timeout * 1000;
  await connectionsGone(server, signal === undefined ? Infinity : timeout);
  executor.stop();
  await connectionsGone(server, LAST_ANSWERS);
  clientLog.say();
  metricsFile.end();
  if (pidFile?.remove() === false) {
    log(Severity.error, `Cannot remove pidfile '${pidFile.path}' - check your privileges.`);
  }
  if (!inetd) log(Severity.notice, "Daemon shutdown");
  return SERVED;
}

type Expiries = Pick<Present, "certificateExpiry" | "crlExpiry">;

const expiries = new WeakMap<Generation, Expiries>();

/** When the certificate of a configuration and its CRLs expire, in seconds since 1970. */
function expiriesOf(generation: Generation): Expiries {
  const { tls } = generation;
  if (tls === undefined) return { certificateExpiry: undefined, crlExpiry: undefined };
  const { options, crls } = tls;
  let known = expiries.get(generation);
  if (known === undefined) {
    known = { certificateExpiry: expiryOf(options.cert ?? ""), crlExpiry: crls?.expiry };
    expiries.set(generation, known);
  }
  return known;
}

/** Waits until no connection is left, or a time, in milliseconds, is over. */
async function connectionsGone(server: Server, timeout: number): Promise<void> {
  const end = now() + timeout;
  while (server.connections() > 0 && now() < end) await Bun.sleep(10);
}
