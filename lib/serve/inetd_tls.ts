import type { Wire } from "./conversation.ts";
import { CANNOT_SERVE, SERVED } from "../exit_status.ts";
import { aboutClient, Severity } from "../log.ts";
import type { Start } from "./start.ts";
import { hostName } from "../system/host_name.ts";
import type { Endpoint } from "../system/socket.ts";
import { adopt } from "../system/stream.ts";
import { shakeHands } from "../tls/handshake.ts";
import { setUpTls } from "../tls/tls_setup.ts";
import { catchUnexpected, describeUnexpected } from "./unexpected.ts";
import { describeTls } from "./describe_config.ts";
import { keepMemoryPrivate } from "./private_memory.ts";
import { streamWire } from "./stream_wire.ts";

/** A connection that has become TLS. */
export interface SecureConnection {
  readonly wire: Wire;
  /** The TLS version. */
  readonly version: string;
  /** The client's certificate, see shakeHands(). */
  readonly certificate: Uint8Array | undefined;
}

/**
 * Makes TLS of the connection in a process for one client.
 *
 * @param deadline When the handshake must be done, in milliseconds of now().
 * @returns The connection, or the exit status: 0 when the client has been refused, 2
 * when the agent cannot serve.
 */
export async function secureConnection(
  { config, log }: Start,
  fd: number,
  peer: Endpoint | undefined,
  deadline: number,
): Promise<SecureConnection | number> {
  catchUnexpected((error) => {
    log(Severity.error, describeUnexpected(error));
    process.exit(CANNOT_SERVE);
  });
  keepMemoryPrivate();
  const result = await setUpTls(config, hostName);
  if (result.kind === "failure") {
    log(Severity.error, result.reason);
    return CANNOT_SERVE;
  }
  for (const { severity, message } of describeTls(config, result)) {
    // A process for one client would repeat at every check what a daemon logs once.
    if (config.debug || severity <= Severity.warning) log(severity, message);
  }
  const stream = adopt(fd, peer);
  const address = peer?.address ?? "unknown";
  const client = { address, port: peer?.port ?? 0, log: aboutClient(log, address) };
  const secured = await shakeHands(stream, result.setup, client, deadline);
  if (secured === undefined) return SERVED;
  return { wire: streamWire(stream, config.ssl_shutdown_timeout * 1000), ...secured };
}
