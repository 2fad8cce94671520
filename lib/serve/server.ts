import { admit } from "../access/admit.ts";
import type { Executor } from "../command/executor.ts";
import type { CommandLine } from "../command/program.ts";
import { aboutClient, type Log, Severity } from "../log.ts";
import { sourceOf } from "../source.ts";
import { now } from "../system/libc.ts";
import type { Stream } from "../system/stream.ts";
import { type SecureClient, shakeHands } from "../tls/handshake.ts";
import type { ClientLog } from "./client_log.ts";
import { converse, LINGER_TIMEOUT } from "./conversation.ts";
import { rememberDenials } from "./denials.ts";
import type { Generation } from "./generation.ts";
import { makeHandshakeTurns } from "./handshake_turns.ts";
import { collectUnasked } from "./making_room.ts";
import type { ConnectionEnd, Metrics, RefusalReason } from "./metrics.ts";
import type { PluginEnvironment } from "./plugin_environment.ts";
import { refuseStream } from "./refuse_stream.ts";
import { makeSlots, NoSlot, type Slot } from "./slots.ts";
import { streamWire } from "./stream_wire.ts";
import { logSummary, type Summary } from "./summary.ts";
import { describeUnexpected } from "./unexpected.ts";

/** The client of a socket that is not of an internet family. */
const UNKNOWN_CLIENT = { address: "unknown", port: 0 };

/** What a server works with. */
export interface ServerOptions {
  /** The current configuration. */
  readonly current: () => Generation;
  /** Brings the configuration up to date, where that is needed, before a client is served. */
  readonly refresh: () => Promise<void> | undefined;
  readonly log: Log;
  /** Where lines go that clients can cause as often as they like. */
  readonly clientLog: ClientLog;
  readonly executor: Executor;
  readonly metrics: Metrics;
  readonly environment: PluginEnvironment;
  /** How many files may be open. */
  readonly files: number;
  /** Called when the last connection has gone. */
  readonly idle: () => void;
}

/** Serves many clients at once. */
export interface Server {
  /** Takes a connection that has been accepted, with nothing of it read. */
  readonly take: (stream: Stream) => void;
  /**
   * Counts a connection whose client is admitted, and which is served elsewhere.
   * @returns A function to call when the client has asked for a command.
   */
  readonly join: (stream: Stream) => () => void;
  /** How many connections are open. */
  readonly connections: () => number;
  /** How many connections there have been. */
  readonly served: () => number;
  /** Closes the connections of clients that have not asked anything yet. */
  readonly dismiss: () => void;
}

/** A connection that is open. */
interface Connection {
  readonly stream: Stream;
  /** The client's address. */
  readonly address: string;
  readonly slot: Slot;
  /** Whether it was closed to make room for another client. */
  hasMadeRoom: boolean;
  /** To be called when the client has asked for a command. */
  asked: () => void;
}

/** Makes a server. */
export function makeServer(options: ServerOptions): Server {
  const { current, refresh, clientLog, executor, metrics, environment, files, idle } = options;
  const slots = makeSlots(files);
  const denials = rememberDenials<RefusalReason>(now);
  const turns = makeHandshakeTurns();
  const unasked = new Set<Stream>();
  const waiting = collectUnasked();
  let latest = current();
  let open = 0;
  let served = 0;

  /** Admits a client, in the place of one that has asked for nothing where there is no other. */
  const enter = (connection: Connection, { config }: Generation) => {
    const { stream, address, slot } = connection;
    const client = {
      source: sourceOf(address),
      makeRoom() {
        connection.hasMadeRoom = true;
        slot.leave();
        metrics.refused("max_connections");
        const why = `it has asked for nothing, and ${config.max_connections} connections are open`;
        const message = `Connection from ${address} closed: ${why}, see max_connections`;
        clientLog.once(address, "makes room", message);
        stream.reset();
      },
    };
    slot.admit(() => waiting.makeRoom(client.source));
    waiting.add(client);
    connection.asked = () => {
      unasked.delete(stream);
      waiting.delete(client);
    };
    stream.whenClosed(connection.asked);
  };

  const serve = async (
    connection: Connection,
    generation: Generation,
    log: Log,
  ): Promise<ConnectionEnd> => {
    const begun = now();
    const { config, tls, hosts } = generation;
    const { stream, address, slot } = connection;
    const { port } = stream.client ?? UNKNOWN_CLIENT;
    if (config.debug) log(Severity.debug, `Connection from ${address} port ${port}`);
    const admission = await admit(generation, stream, {
      environment: environment(generation),
      log,
      verdicts: { granted: aboutClient(options.log, address), denied: clientLog.refusing(address) },
      wait: slot.wait,
    });
    if (!admission.admitted) {
      metrics.refused(admission.by);
      if (!slot.hasWaited()) denials.add(address, admission.by);
      if (slot.refuse()) await refuseStream(stream, admission.bannerSent);
      else stream.reset();
      return "refused";
    }
    enter(connection, generation);
    const deadline = now() + config.connection_timeout * 1000;
    let secured: SecureClient | undefined;
    if (tls !== undefined) {
      const ended = await turns.take(sourceOf(address));
      secured = await shakeHands(stream, tls, { address, port, log }, deadline, ended);
    }
    const sumUp = (end: Summary["end"]): ConnectionEnd => {
      if (connection.hasMadeRoom) return "refused";
      if (config.log_summary) {
        const { rule } = admission;
        const milliseconds = now() - begun;
        logSummary(log, { client: address, rule, tls: secured?.version, end, milliseconds });
      }
      return end.kind;
    };
    if (tls !== undefined && secured === undefined) return sumUp({ kind: "no TLS" });
    const lingerTimeout = tls === undefined ? LINGER_TIMEOUT : config.ssl_shutdown_timeout * 1000;
    const run = (line: CommandLine) => {
      connection.asked();
      return executor.run({
        source: address,
        line,
        inheritance: admission.inheritance,
        seconds: config.command_timeout,
      });
    };
    const certificate = secured?.certificate;
    const session = { config, log, peer: address, certificate, hosts, deadline, run };
    return sumUp(await converse(session, streamWire(stream, lingerTimeout)));
  };

  /** @throws {NoSlot} */
  const arrive = (stream: Stream, generation: Generation): Connection => {
    const { max_connections: total, max_connections_per_source: perSource } = generation.config;
    const { address } = stream.client ?? UNKNOWN_CLIENT;
    if (generation !== latest) denials.forget();
    latest = generation;
    const reason = denials.again(address);
    if (reason !== undefined) {
      throw new NoSlot(reason, `Connection from ${address} refused: as many others were just now`);
    }
    const slot = slots.arrive(address, { total, perSource });
    unasked.add(stream);
    stream.whenClosed(() => {
      slot.leave();
      unasked.delete(stream);
    });
    return { stream, address, slot, hasMadeRoom: false, asked: () => {} };
  };

  const count = (stream: Stream) => {
    open++;
    served++;
    stream.whenClosed(() => {
      if (--open === 0) idle();
    });
  };

  return {
    async take(stream) {
      count(stream);
      const { address } = stream.client ?? UNKNOWN_CLIENT;
      let end: ConnectionEnd = "failed";
      try {
        const connection = arrive(stream, current());
        const about = clientLog.about(address);
        const log: Log = (...line) => {
          if (!connection.hasMadeRoom) about(...line);
        };
        await refresh();
        end = await serve(connection, current(), log);
      } catch (error) {
        if (error instanceof NoSlot) {
          end = "refused";
          metrics.refused(error.limit);
          clientLog.once(address, error.limit, error.message);
          return stream.reset();
        }
        // A fault of the program ends the conversation in which it shows, and no other.
        const message = `${describeUnexpected(error)} (client ${address})`;
        clientLog.about(address)(Severity.error, message);
      } finally {
        metrics.ended(end);
        stream.close();
      }
    },
    join(stream) {
      count(stream);
      const connection = arrive(stream, current());
      enter(connection, current());
      return connection.asked;
    },
    connections: () => open,
    served: () => served,
    dismiss() {
      for (const stream of unasked) stream.close();
    },
  };
}
