import { type Log, Severity } from "../log.ts";
import type { Inheritance } from "../system/process.ts";
import type { Stream } from "../system/stream.ts";
import { UNKNOWN } from "../wrappers/request.ts";
import { consultTables } from "./consult_tables.ts";
import { type Common, eventedPerformer } from "./evented_effects.ts";
import type { Generation } from "../serve/generation.ts";

/** A refusal, or what plugins of the client are started with. */
export type Reception =
  | { readonly admitted: false; readonly bannerSent: boolean }
  | { readonly admitted: true; readonly inheritance: Inheritance };

const REFUSED: Reception = { admitted: false, bannerSent: false };

/** What a decision about a client is made with. */
export interface Circumstances {
  readonly common: Common;
  /**
   * What plugins and commands of access rules are run with, unless the rules change it; `NAME=value`
   * each.
   */
  readonly environment: readonly string[];
  readonly log: Log;
  /** Called before the decision has to wait for something; what it throws ends it. */
  readonly wait: () => void;
}

/**
 * Decides, before a byte of a connection is read, whether its client may talk: `allowed_hosts` first,
 * then the access tables. A refusal is logged here. Every mode with an event loop asks this, and
 * nothing else decides.
 */
export async function admit(
  { allowList, config, logsGranted }: Generation,
  stream: Stream,
  { common, environment, log, wait }: Circumstances,
): Promise<Reception> {
  const { client, server } = stream;
  const address = client?.address ?? UNKNOWN;
  const allowed = allowList.allows(address);
  // Most lists know at once, and a turn of the event loop is saved.
  if (typeof allowed !== "boolean") wait();
  if (!(typeof allowed === "boolean" ? allowed : await allowed)) {
    log(Severity.error, `Host ${address} is not allowed to talk to us!`);
    return REFUSED;
  }
  if (!config.tcp_wrappers) return { admitted: true, inheritance: { environment } };
  const connection = { client, server: server(), daemon: config.daemon_name, logsGranted };
  const performer = eventedPerformer(common, stream, environment, wait);
  const admission = await consultTables(config, log, connection, performer);
  const { admitted, bannerSent, variables } = admission;
  return admitted
    ? { admitted, inheritance: performer.inheritance(variables) }
    : { admitted, bannerSent };
}
