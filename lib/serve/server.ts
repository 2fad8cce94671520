import { admit } from "../access/admit.ts";
import type { Executor } from "../command/executor.ts";
import type { CommandLine } from "../command/program.ts";
import { aboutClient, type Log, Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import type { Stream } from "../system/stream.ts";
import { shakeHands } from "../tls/handshake.ts";
import { converse, LINGER_TIMEOUT } from "./conversation.ts";
import type { Generation } from "./generation.ts";
import type { ConnectionEnd, Metrics } from "./metrics.ts";
import type { PluginEnvironment } from "./plugin_environment.ts";
import { rateLimitedLog } from "./rate_limited_log.ts";
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

/** Makes a server. */
export function makeServer(options: ServerOptions): Server {
  const { current, refresh, executor, metrics, environment, files, idle } = options;
  const slots = makeSlots(files);
  const limitedLog = rateLimitedLog(options.log, now);
  const unasked = new Set<Stream>();
  let open = 0;
  let served = 0;

  const serve = async (
    stream: Stream,
    slot: Slot,
    generation: Generation,
    log: Log,
  ): Promise<ConnectionEnd> => {
    const begun = now();
    const { config, tls, hosts } = generation;
    const { address, port } = stream.client ?? UNKNOWN_CLIENT;
    if (config.debug) log(Severity.debug, `Connection from ${address} port ${port}`);
    const admission = await admit(generation, stream, {
      environment: environment(generation),
      log,
      wait: slot.wait,
    });
    if (!admission.admitted) {
      metrics.refused(admission.by);
      if (slot.refuse()) await refuseStream(stream, admission.bannerSent);
      else stream.reset();
      return "refused";
    }
    slot.admit();
    const deadline = now() + config.connection_timeout * 1000;
    const secured = tls && await shakeHands(stream, tls, { address, port, log }, deadline);
    const sumUp = (end: Summary["end"]): ConnectionEnd => {
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
      unasked.delete(stream);
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

  const arrive = (stream: Stream, { config }: Generation): Slot => {
    const { max_connections: total, max_connections_per_source: perSource } = config;
    const { address } = stream.client ?? UNKNOWN_CLIENT;
    const slot = slots.arrive(address, { total, perSource });
    open++;
    served++;
    unasked.add(stream);
    stream.whenClosed(() => {
      slot.leave();
      unasked.delete(stream);
      if (--open === 0) idle();
    });
    return slot;
  };

  return {
    async take(stream) {
      const slot = arrive(stream, current());
      const { address } = stream.client ?? UNKNOWN_CLIENT;
      const log = aboutClient(options.log, address);
      let end: ConnectionEnd = "failed";
      try {
        await refresh();
        end = await serve(stream, slot, current(), log);
      } catch (error) {
        if (error instanceof NoSlot) {
          end = "refused";
          metrics.refused(error.limit);
          limitedLog(error.limit, error.message, { client: address });
          return stream.reset();
        }
        // A fault of the program ends the conversation in which it shows, and no other.
        log(Severity.error, `${describeUnexpected(error)} (client ${address})`);
      } finally {
        metrics.ended(end);
        stream.close();
      }
    },
    join(stream) {
      arrive(stream, current()).admit();
      return () => void unasked.delete(stream);
    },
    connections: () => open,
    served: () => served,
    dismiss() {
      for (const stream of unasked) stream.close();
    },
  };
}
