import { pluginEnvironment } from "../command/environment.ts";
import { runBlocking } from "../command/run_blocking.ts";
import type { Start } from "../start.ts";
import { Severity } from "../log.ts";
import { now } from "../system/libc.ts";
import type { Endpoint } from "../system/socket.ts";
import { adopt } from "../system/stream.ts";
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
  const result = await setUpTls(config, hostName());
  if (result.kind === "failure") {
    log(Severity.error, result.reason);
    return CANNOT_SERVE;
  }
  for (const { severity, message } of describeTls(config, result)) {
    // A process for one client would repeat at every check what a daemon says once.
    if (config.debug) log(severity, message);
  }
  const stream = adopt(fd, peer);
  const client = { address: peer?.address ?? "unknown", port: peer?.port ?? 0, log };
  const deadline = now() + config.connection_timeout * 1000;
  if (!await shakeHands(stream, result.setup, client, deadline)) return SERVED;
  const inheritance = { environment: pluginEnvironment(variables) };
  const session = { config, log, peer: client.address };
  const times = { deadline, patience: config.ssl_shutdown_timeout * 1000 };
  // Nobody else is kept waiting by a plugin.
  await converseEvented(
    session,
    stream,
    times,
    (line) => runBlocking(line, inheritance.environment, config.command_timeout),
  );
  return SERVED;
}
