import type { Serve } from "../cli.ts";
import { reside } from "./resident.ts";

/**
 * Serves the clients of a listening socket that inetd or a service manager has passed on, until
 * nobody has asked for a while; then whoever passed it on listens again. Connections that nobody has
 * accepted by then stay with the socket, so none is lost.
 */
export function serveWaiting(invocation: Serve, fds: readonly number[]): Promise<number> {
  return reside({
    invocation,
    inherited: fds,
    inetd: true,
    early: () => {},
    ready: () => {},
  });
}
