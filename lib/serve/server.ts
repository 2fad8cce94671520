import type { Socket } from "node:net";
import type { Executor } from "../command/executor.ts";
import { type Log, Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import type { Endpoint } from "../system/socket.ts";
import { shakeHands } from "../tls/handshake.ts";
import { admit } from "./admit.ts";
import { countConnections, type Exceeded } from "./connection_count.ts";
import { converseEvented, sayGoodbye } from "./converse_evented.ts";
import type { Generation } from "./generation.ts";
import { logRarely } from "./rarely.ts";

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
  /**
   * Takes a connection that has been accepted, with nothing of it read. Its errors end it, and who
   * reads or writes it notices: somebody must listen to them without doing anything.
   */
  readonly take: (socket: Socket) => void;
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
  const unasked = new Set<Socket>();
  let served = 0;

  const serve = async (socket: Socket, peer: Endpoint, generation: Generation) => {
    const { config, tls } = generation;
    if (config.debug) log(Severity.debug, `Connection from ${peer.address} port ${peer.port}`);
    const admission = await admit(generation, socket, peer, environment(generation), log);
    if (!admission.admitted) {
      if (admission.bannerSent) return await sayGoodbye(socket, HEAR_OUT);
      return await hearOut(socket);
    }
    const deadline = now() + config.connection_timeout * 1000;
    const stream = tls === undefined
      ? socket
      : await shakeHands(socket, tls, { ...peer, log }, deadline);
    if (stream === undefined) return;
    const session = { config, log, peer: peer.address };
    await converseEvented(session, stream, deadline, (line) => {
      unasked.delete(socket);
      return executor.run({
        source: peer.address,
        line,
        inheritance: admission.inheritance,
        seconds: config.command_timeout,
      });
    });
  };

  return {
    async take(socket) {
      const peer = peerOf(socket);
      if (peer === undefined) return void socket.destroy();
      const generation = current();
      const { max_connections: total, max_connections_per_source: perSource } = generation.config;
      const limits = { total: total === 0 ? room : Math.min(total, room), perSource };
      const exceeded = count.enter(peer.address, limits);
      if (exceeded !== undefined) {
        rarely(exceeded, describe(exceeded, peer.address, limits));
        return void socket.resetAndDestroy();
      }
      served++;
      unasked.add(socket);
      socket.on("close", () => {
        count.leave(peer.address);
        unasked.delete(socket);
        if (count.total() === 0) idle();
      });
      try {
        await serve(socket, peer, generation);
      } finally {
        socket.destroy();
      }
    },
    connections: count.total,
    served: () => served,
    dismiss() {
      for (const socket of unasked) socket.destroy();
    },
  };
}

/** The client; undefined where it has gone already. */
function peerOf({ remoteAddress, remotePort }: Socket): Endpoint | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  // A socket of IPv6 that somebody else has bound may carry IPv4 (RFC 4291, 2.5.5.2).
  return { address: remoteAddress.replace(/^::ffff:(?=[0-9.]+$)/i, ""), port: remotePort };
}

/**
 * Resets a connection after its first bytes: a client whose connection ends cleanly looks for the
 * fault in TLS.
 */
async function hearOut(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, HEAR_OUT);
  socket.once("data", () => resolve()).once("close", () => resolve()).resume();
  await promise;
  clearTimeout(timer);
  socket.resetAndDestroy();
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
