import { type Log, Severity } from "../log.ts";
import type { Inheritance } from "../system/process.ts";
import { type Endpoint, serverEndOf } from "../system/socket.ts";
import type { Stream } from "../system/stream.ts";
import { consultTables } from "./consult_tables.ts";
import { daemonName } from "./daemon_name.ts";
import { eventedPerformer } from "./evented_performer.ts";
import type { Generation } from "./generation.ts";

/** A refusal, or what plugins of the client are started with. */
export type Reception =
  | { readonly admitted: false; readonly bannerSent: boolean }
  | { readonly admitted: true; readonly inheritance: Inheritance };

const REFUSED: Reception = { admitted: false, bannerSent: false };

/**
 * Decides, before a byte of a connection is read, whether its client may talk: `allowed_hosts` first,
 * then the access tables. A refusal is logged here. Every mode with an event loop asks this, and
 * nothing else decides.
 *
 * @param environment What plugins and commands of access rules are run with, unless the rules change
 * it; `NAME=value` each.
 */
export async function admit(
  { allowList, config, logsGranted }: Generation,
  stream: Stream,
  client: Endpoint,
  environment: readonly string[],
  log: Log,
): Promise<Reception> {
  const allowed = allowList.allows(client.address);
  // Most lists know at once, and a turn of the event loop is saved.
  if (!(typeof allowed === "boolean" ? allowed : await allowed)) {
    log(Severity.error, `Host ${client.address} is not allowed to talk to us!`);
    return REFUSED;
  }
  if (!config.tcp_wrappers) return { admitted: true, inheritance: { environment } };
  const fd = stream.fd();
  if (fd === undefined) return REFUSED;
  const connection = { client, server: serverEndOf(fd), daemon: daemonName(), logsGranted };
  const performer = eventedPerformer(stream, fd, environment);
  const { admitted, bannerSent, variables } = await consultTables(
    config,
    log,
    connection,
    performer,
  );
  return admitted
    ? { admitted, inheritance: performer.inheritance(variables) }
    : { admitted, bannerSent };
}
