import { type Log, Severity } from "../log.ts";
import { type Endpoint, serverEndOf } from "../system/socket.ts";
import type { Stream } from "../system/stream.ts";
import { type Admission, consultTables } from "./consult_tables.ts";
import { daemonName } from "./daemon_name.ts";
import { eventedPerformer } from "./evented_performer.ts";
import type { Generation } from "./generation.ts";

const REFUSED: Admission = { admitted: false, bannerSent: false, variables: [] };
const WELCOME: Admission = { admitted: true, bannerSent: false, variables: [] };

/**
 * Decides, before a byte of a connection is read, whether its client may talk: `allowed_hosts` first,
 * then the access tables. A refusal is logged here. Every mode with an event loop asks this, and
 * nothing else decides.
 *
 * @param environment What commands of access rules are run with, `NAME=value` each.
 */
export async function admit(
  { allowList, config }: Generation,
  stream: Stream,
  client: Endpoint,
  environment: readonly string[],
  log: Log,
): Promise<Admission> {
  const allowed = allowList.allows(client.address);
  // Most lists know at once, and a turn of the event loop is saved.
  if (!(typeof allowed === "boolean" ? allowed : await allowed)) {
    log(Severity.error, `Host ${client.address} is not allowed to talk to us!`);
    return REFUSED;
  }
  if (!config.tcp_wrappers) return WELCOME;
  const fd = stream.fd();
  if (fd === undefined) return REFUSED;
  const connection = { client, server: serverEndOf(fd), daemon: daemonName() };
  return await consultTables(config, log, connection, eventedPerformer(stream, fd, environment));
}
