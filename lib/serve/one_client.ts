import { connect, type Socket } from "node:net";
import { pluginEnvironment } from "../command/environment.ts";
import { runEvented } from "../command/run_evented.ts";
import type { Start } from "../start.ts";
import { Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import type { Endpoint } from "../system/socket.ts";
import { shakeHands } from "../tls/handshake.ts";
import { setUpTls } from "../tls/tls_setup.ts";
import { converseEvented } from "./converse_evented.ts";
import { describeTls, hostName } from "./generation.ts";

const SERVED = 0;
const CANNOT_SERVE = 2;

/**
 * Serves one client over TLS on a descriptor that is connected with it, as converse() does in plain.
 * @param variables Additions to the environment of plugins, `NAME=value` each.
 * @returns The exit status: 0 when the client was served or sent away, 2 when the agent cannot serve.
 */
export async function serveOneClient(
  { config, log }: Start,
  fd: number,
  peer: Endpoint | undefined,
  variables: readonly string[],
): Promise<number> {
  const result = setUpTls(config, hostName());
  if (result.kind === "failure") {
    log(Severity.error, result.reason);
    return CANNOT_SERVE;
  }
  for (const { severity, message } of describeTls(config, result)) {
    // A process for one client would repeat at every check what a daemon says once.
    if (config.debug) log(severity, message);
  }
  const socket = adopt(fd);
  const client = { address: peer?.address ?? "unknown", port: peer?.port ?? 0, log };
  const deadline = now() + config.connection_timeout * 1000;
  const stream = await shakeHands(socket, result.setup, client, deadline);
  if (stream === undefined) return SERVED;
  const inheritance = { environment: pluginEnvironment(variables) };
  const session = { config, log, peer: client.address };
  await converseEvented(
    session,
    stream,
    deadline,
    (line) => runEvented(line, inheritance, config.command_timeout).end,
  );
  return SERVED;
}

function adopt(fd: number): Socket {
  // The declarations do not know `fd`, which the runtime has.
  return connect({ fd, allowHalfOpen: true, noDelay: true } as unknown as { port: number });
}
