import type { Socket } from "node:net";

/**
 * The descriptor of a connection, for what only the system can do to it; undefined once it is closed.
 * The runtime has it, though its declarations do not say so.
 */
export function descriptorOf(socket: Socket): number | undefined {
  const { fd } = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle ??
    {};
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
