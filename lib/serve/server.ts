import type { Executor } from "../command/executor.ts";
import { converse, LINGER_TIMEOUT } from "../conversation.ts";
import { type Log, Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import type { Endpoint } from "../system/socket.ts";
import { drain, type Stream } from "../system/stream.ts";
import { shakeHands } from "../tls/handshake.ts";
import { describeUnexpected } from "../unexpected.ts";
import { admit } from "./admit.ts";
import { countConnections, type Exceeded } from "./connection_count.ts";
import type { Generation } from "./generation.ts";
import { logRarely } from "./rarely.ts";
import { streamWire } from "./stream_wire.ts";

const NOTHING = new Uint8Array(0);

/** How long the first bytes of a refused client are waited for, in milliseconds. */
const HEAR_OUT = 1_000;

/** What a server works with. */
export interface Means {
  /** The configuration in force. */
  readonly current: () => Generation;
  readonly log: Log;
  readonly executor: Executor;
  /** The environment of plugins. */
  readonly environment: (generation: Generation) => readonly string[];
  /** How many connections the limit of open files has room for. */
  readonly room: number;
  /** Called when the last connection has gone. */
  readonly idle: () => void;
}

/** Serves many clients at once. */
export interface Server {
  /** Takes a connection that has been accepted, with nothing of it read. */
  readonly take: (stream: Stream) => void;
  readonly connections: () => number;
  /** How many connections there have been. */
  readonly served: () => number;
  /** Closes the connections of clients that have not asked anything yet. */
  readonly dismiss: () => void;
}

/** Makes a server. */
export function makeServer({ current, log, executor, environment, room, idle }: Means): Server {
  const count = countConnections();
  const rarely = logRarely(log, now);
  const unasked = new Set<Stream>();
  let served = 0;

  const serve = async (stream: Stream, peer: Endpoint, generation: Generation) => {
    const { config, tls } = generation;
    if (config.debug) log(Severity.debug, `Connection from ${peer.address} port ${peer.port}`);
    const admission = await admit(generation, stream, peer, environment(generation), log);
    if (!admission.admitted) {
      if (!admission.bannerSent) return await hearOut(stream);
      const deadline = now() + HEAR_OUT;
      await stream.finish(NOTHING, deadline);
      return await drain(stream, deadline);
    }
    const deadline = now() + config.connection_timeout * 1000;
    if (tls !== undefined && !await shakeHands(stream, tls, { ...peer, log }, deadline)) return;
    const patience = tls === undefined ? LINGER_TIMEOUT : config.ssl_shutdown_timeout * 1000;
    const run = (line: string) => {
      unasked.delete(stream);
      return executor.run({
        source: peer.address,
        line,
        inheritance: admission.inheritance,
        seconds: config.command_timeout,
      });
    };
    const session = { config, log, peer: peer.address, deadline, run };
    await converse(session, streamWire(stream, patience));
  };

  return {
    async take(stream) {
      const { peer } = stream;
      if (peer === undefined) return stream.close();
      const generation = current();
      const { max_connections: total, max_connections_per_source: perSource } = generation.config;
      const limits = { total: total === 0 ? room : Math.min(total, room), perSource };
      const exceeded = count.enter(peer.address, limits);
      if (exceeded !== undefined) {
        rarely(exceeded, describe(exceeded, peer.address, limits));
        return stream.reset();
      }
      served++;
      unasked.add(stream);
      stream.whenClosed(() => {
        count.leave(peer.address);
        unasked.delete(stream);
        if (count.total() === 0) idle();
      });
      try {
        await serve(stream, peer, generation);
      } catch (error) {
        // A fault of the program ends the conversation in which it shows, and no other.
        log(Severity.error, `${describeUnexpected(error)} (client ${peer.address})`);
      } finally {
        stream.close();
      }
    },
    connections: count.total,
    served: () => served,
    dismiss() {
      for (const stream of unasked) stream.close();
    },
  };
}

/**
 * Resets a connection after its first bytes: a client whose connection ends cleanly looks for the
 * fault in TLS.
 */
async function hearOut(stream: Stream): Promise<void> {
  await stream.receive(now() + HEAR_OUT);
  stream.reset();
}

function describe(
  exceeded: Exceeded,
  address: string,
  { total, perSource }: { readonly total: number; readonly perSource: number },
): string {
  const refused = `Connection from ${address} refused: `;
  return exceeded === "total"
    ? `${refused}${total} connections are open, see max_connections`
    : `${refused}it has ${perSource} connections open, see max_connections_per_source`;
}
