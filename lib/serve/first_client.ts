/**
 * The first client of a wait service. inetd has started the agent for it, and loading the event loop
 * takes longer than most checks. So the agent serves this client as under nowait, and loads the event
 * loop when it has to wait longer, when another client connects, or afterwards.
 */
import { consultTables, type RulePlace } from "../access/consult_tables.ts";
import { cannotTwist, type EffectRunner } from "../access/effect_runner.ts";
import type { EventedEffects } from "../access/evented_effects.ts";
import { readTableFile } from "../access/table_files.ts";
import type { Serve } from "../cli.ts";
import { withVariables } from "../command/environment.ts";
import type { Executor } from "../command/executor.ts";
import type { PluginEnd } from "../command/outcome.ts";
import { newRun, startPlugin } from "../command/plugin.ts";
import type { CommandLine } from "../command/program.ts";
import { awaitRun } from "../command/run_blocking.ts";
import type { Running } from "../command/run_evented.ts";
import type { Config } from "../config/config.ts";
import { configFiles } from "../config/config_files.ts";
import { loadForOneCommand } from "../config/load_for_one_command.ts";
import { aboutClient, type Log, Severity } from "../log.ts";
import { acceptFailure, acceptOne } from "../system/accept.ts";
import {
  closeFile,
  Errno,
  isReadable,
  now,
  Poll,
  SystemError,
  userAndGroup,
  waitFor,
} from "../system/libc.ts";
import { Signal } from "../system/linux.ts";
import { openLog } from "../system/open_log.ts";
import { signalProgram } from "../system/process.ts";
import { type Endpoint, peerOf, sendingProblem, sendNow, serverEndOf } from "../system/socket.ts";
import type { Stream } from "../system/stream.ts";
import { receiveBytes } from "../system/transport.ts";
import { converse, LINGER_TIMEOUT, type Wire } from "./conversation.ts";
import { inetdVariables } from "./plugin_environment.ts";
import { REFUSED_TIMEOUT } from "./refused_timeout.ts";
import { describeUnexpected } from "./unexpected.ts";

/** How long the agent waits for the first client and its plugin without an event loop, in milliseconds. */
const BLOCKING_TIME = 50;

/** A first client that is still connected when the event loop is loaded. */
export interface FirstClient {
  readonly stream: Stream;
  /**
   * Makes the client one of a server's.
   * @param executor Runs its command, or takes it over.
   * @param asked Called when the client has asked for a command.
   */
  readonly join: (executor: Executor, asked: () => void) => void;
}

/**
 * Serves the first client of some listening sockets.
 *
 * @returns The client when it has to be waited for on the event loop. undefined when it has been served,
 * or where it needs all of the agent: for TLS, where nrpe.cfg has an error, for a debug log, to be
 * counted in a `metrics_file`, with `no_new_privs`.
 */
export async function serveFirstClient(
  { config: path, tls }: Serve,
  listening: readonly number[],
): Promise<FirstClient | undefined> {
  const config = await loadForOneCommand(path, configFiles);
  if (config === undefined || config.metrics_file !== undefined || config.no_new_privs) {
    return undefined;
  }
  const { uid, gid } = userAndGroup();
  if ((tls && config.ssl_enabled) || uid === 0 || gid === 0) return undefined;
  if (config.ssl_allowed_subjects !== undefined) return undefined;
  const connection = acceptFirst(config, listening);
  if (connection === undefined) return undefined;
  const log = openLog(config);
  const { promise, resolve } = Promise.withResolvers<FirstClient | undefined>();
  const clientLog = aboutClient(log, addressOf(connection));
  serve(config, clientLog, connection, listening, resolve).catch((error) =>
    clientLog(Severity.error, `${describeUnexpected(error)} (client ${addressOf(connection)})`)
  ).finally(() => {
    log.close();
    resolve(undefined);
  });
  return await promise;
}

interface Connection {
  readonly fd: number;
  /** undefined where the socket is not of an internet family. */
  readonly client: Endpoint | undefined;
}

function addressOf({ client }: Connection): string {
  return client?.address ?? "unknown";
}

function acceptFirst(config: Config, listening: readonly number[]): Connection | undefined {
  for (const socket of listening) {
    const fd = isReadable(socket) ? acceptOne(socket) : -1;
    if (fd < 0) continue;
    try {
      return { fd, client: peerOf(fd) };
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      closeFile(fd);
      if (error.errno === Errno.ENOTCONN) continue;
      const log = openLog(config);
      log(Severity.error, acceptFailure(error.errno));
      log.close();
    }
  }
  return undefined;
}

/** @param handOver Called when the client goes on, on the event loop. */
async function serve(
  config: Config,
  log: Log,
  connection: Connection,
  listening: readonly number[],
  handOver: (client: FirstClient) => void,
): Promise<void> {
  const { fd, client } = connection;
  const address = addressOf(connection);
  const environment = inetdVariables();
  const begun = now();
  const end = begun + BLOCKING_TIME;
  let evented: Promise<Stream> | undefined;
  let effects: EventedEffects | undefined;
  let executor: Executor | undefined;
  let running: Running | undefined;
  let hasAsked = false;
  let reportAsked = () => {};
  const joinExecutor = () => {
    if (running !== undefined) void executor?.join(running);
  };

  const toEventLoop = (): Promise<Stream> =>
    evented ??= import("../system/stream.ts").then(({ adopt }) => {
      const stream = adopt(fd, client);
      handOver({
        stream,
        join(one, asked) {
          executor = one;
          reportAsked = asked;
          if (hasAsked) asked();
          joinExecutor();
        },
      });
      return stream;
    });

  /** Whether the client has sent something, or closed the connection, while no other client connects. */
  const hasBytes = (deadline: number): boolean => {
    if (evented !== undefined) return false;
    const awaited = [{ fd, events: Poll.in }];
    for (const socket of listening) awaited.push({ fd: socket, events: Poll.in });
    return waitFor(awaited, deadline < end ? deadline : end)[0] !== 0;
  };

  const eventedEffectsOf = async (): Promise<EventedEffects> => {
    const { eventedEffects } = await import("../access/evented_effects.ts");
    return effects ??= eventedEffects(await toEventLoop(), environment, () => {});
  };
  const runner: EffectRunner = {
    resident: true,
    read: readTableFile,
    lookUp: async (question) => (await eventedEffectsOf()).lookUp(question),
    askUser: async (...question) => (await eventedEffectsOf()).askUser(...question),
    runCommand: async (...command) => (await eventedEffectsOf()).runCommand(...command),
    send: async (text) => (await eventedEffectsOf()).send(text),
    apply: async (change) => (await eventedEffectsOf()).apply(change),
    twist: cannotTwist,
  };

  const wire: Wire = {
    async receive(deadline) {
      if (hasBytes(deadline)) return receiveBytes(fd, deadline);
      return await (await toEventLoop()).receive(deadline);
    },
    async respond(response, deadline, more = false) {
      let rest = response;
      if (evented === undefined) {
        const count = sendNow(fd, response);
        if (count < 0) return sendingProblem(-count);
        const isOver = count === response.byteLength && !more && !isReadable(fd);
        if (isOver) return undefined;
        rest = response.subarray(count);
      }
      const stream = await toEventLoop();
      const { streamWire } = await import("./stream_wire.ts");
      return await streamWire(stream, LINGER_TIMEOUT).respond(rest, deadline);
    },
    close: () => closeFile(fd),
  };

  try {
    const variables: string[] = [];
    let rule: RulePlace | undefined;
    if (config.tcp_wrappers) {
      const server = () => serverEndOf(fd);
      const asked = { client, server, daemon: config.daemon_name, logsGranted: true, hints: true };
      const answer = await consultTables(config, log, asked, runner);
      variables.push(...answer.variables);
      rule = answer.rule;
      if (!answer.admitted) {
        if (!answer.bannerSent && hasBytes(now() + REFUSED_TIMEOUT)) return;
        const stream = await toEventLoop();
        const { refuseStream } = await import("./refuse_stream.ts");
        return await refuseStream(stream, answer.bannerSent);
      }
    }
    const inheritance = effects?.inheritance(variables) ??
      { environment: withVariables(environment, variables) };
    const seconds = config.command_timeout;
    const run = async (line: CommandLine): Promise<PluginEnd> => {
      hasAsked = true;
      reportAsked();
      if (executor !== undefined) {
        return await executor.run({ source: address, line, inheritance, seconds });
      }
      const start = startPlugin(line, inheritance);
      if (start.kind === "failed") return start.end;
      const started = newRun(start.started, start.shell, seconds, now());
      const ended = evented === undefined ? awaitRun(started, end, listening) : undefined;
      if (ended !== undefined) return ended;
      try {
        await toEventLoop();
      } catch (error) {
        // Nobody is there to get its output.
        signalProgram(start.started, Signal.kill, started.end !== undefined);
        closeFile(start.started.stdout);
        throw error;
      }
      const { continueEvented } = await import("../command/run_evented.ts");
      running = continueEvented(started);
      joinExecutor();
      return await running.end;
    };
    const deadline = now() + config.connection_timeout * 1000;
    const session = { config, log, peer: address, beforeWait: toEventLoop, deadline, run };
    const ended = await converse(session, wire);
    if (config.log_summary) {
      const { logSummary } = await import("./summary.ts");
      const milliseconds = now() - begun;
      logSummary(log, { client: address, rule, tls: undefined, end: ended, milliseconds });
    }
  } finally {
    if (evented === undefined) wire.close();
    else await evented.then((stream) => stream.close(), wire.close);
  }
}
