import type { Executor } from "../command/executor.ts";
import { converse, LINGER_TIMEOUT } from "./conversation.ts";
import { type Log, Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import { drain, type Stream } from "../system/stream.ts";
import { shakeHands } from "../tls/handshake.ts";
import { describeUnexpected } from "./unexpected.ts";
import { UNKNOWN } from "../wrappers/request.ts";
import { admit } from "../access/admit.ts";
import { makeSharedLookUps } from "../access/evented_effects.ts";
import type { Generation } from "./generation.ts";
import { makePlaces, NoPlace, type Place } from "./places.ts";
import { logRarely } from "./rate_limited_log.ts";
import { REFUSED_TIMEOUT } from "./refused_timeout.ts";
import { streamWire } from "./stream_wire.ts";

const NOTHING = new Uint8Array(0);

/** The client of a socket that is not of an internet family. */
const NOBODY = { address: UNKNOWN, port: 0 };

/** What a server works with. */
export interface Means {
  /** The configuration in force. */
  readonly current: () => Generation;
  readonly log: Log;
  readonly executor: Executor;
  /** The environment of plugins. */
  readonly environment: (generation: Generation) => readonly string[];
  /** How many files may be open. */
  readonly files: number;
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
export function makeServer({ current, log, executor, environment, files, idle }: Means): Server {
  const places = makePlaces(files);
  const shared = makeSharedLookUps();
  const rarely = logRarely(log, now);
  const unasked = new Set<Stream>();
  let open = 0;
  let served = 0;

  const serve = async (stream: Stream, place: Place, generation: Generation) => {
    const { config, tls } = generation;
    const { address, port } = stream.client ?? NOBODY;
    if (config.debug) log(Severity.debug, `Connection from ${address} port ${port}`);
    const admission = await admit(generation, stream, {
      shared,
      environment: environment(generation),
      log,
      wait: place.wait,
    });
    if (!admission.admitted) {
      if (!place.hearOut()) return stream.reset();
      if (!admission.bannerSent) return await hearOut(stream);
      const deadline = now() + REFUSED_TIMEOUT;
      await stream.finish(NOTHING, deadline);
      return await drain(stream, deadline);
    }
    place.admit();
    const deadline = now() + config.connection_timeout * 1000;
    if (tls !== undefined && !await shakeHands(stream, tls, { address, port, log }, deadline)) {
      return;
    }
    const patience = tls === undefined ? LINGER_TIMEOUT : config.ssl_shutdown_timeout * 1000;
    const run = (line: string) => {
      unasked.delete(stream);
      return executor.run({
        source: address,
        line,
        inheritance: admission.inheritance,
        seconds: config.command_timeout,
      });
    };
    const session = { config, log, peer: address, deadline, run };
    await converse(session, streamWire(stream, patience));
  };

  return {
    async take(stream) {
      const generation = current();
      const { max_connections: total, max_connections_per_source: perSource } = generation.config;
      const place = places.arrive(stream.client?.address ?? UNKNOWN, { total, perSource });
      open++;
      served++;
      unasked.add(stream);
      stream.whenClosed(() => {
        place.leave();
        unasked.delete(stream);
        if (--open === 0) idle();
      });
      try {
        await serve(stream, place, generation);
      } catch (error) {
        if (error instanceof NoPlace) {
          rarely(error.kind, error.message);
          return stream.reset();
        }
        // A fault of the program ends the conversation in which it shows, and no other.
        const { address } = stream.client ?? NOBODY;
        log(Severity.error, `${describeUnexpected(error)} (client ${address})`);
      } finally {
        stream.close();
      }
    },
    connections: () => open,
    served: () => served,
    dismiss() {
      for (const stream of unasked) stream.close();
    },
  };
}

/** Resets a connection after its first bytes, see {@link REFUSED_TIMEOUT}. */
async function hearOut(stream: Stream): Promise<void> {
  await stream.receive(now() + REFUSED_TIMEOUT);
  stream.reset();
}
