import { type Log, Severity } from "../log.ts";
import type { Inheritance } from "../system/process.ts";
import type { Stream } from "../system/stream.ts";
import { UNKNOWN } from "../wrappers/request.ts";
import { consultTables } from "./consult_tables.ts";
import type { AccessPolicy } from "./effect_runner.ts";
import { eventedEffects } from "./evented_effects.ts";

/** A refusal, or what plugins of the client are started with. */
export type Admission =
  | { readonly admitted: false; readonly bannerSent: boolean }
  | { readonly admitted: true; readonly inheritance: Inheritance };

const REFUSED: Admission = { admitted: false, bannerSent: false };

/** What a decision about a client is made with. */
export interface AdmitOptions {
  /** The environment of plugins and of rules' commands, unless the rule changes it. */
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
  { allowList, config, logsGranted }: AccessPolicy,
  stream: Stream,
  { environment, log, wait }: AdmitOptions,
): Promise<Admission> {
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
  const effects = eventedEffects(stream, environment, wait);
  const { admitted, bannerSent, variables } = await consultTables(config, log, connection, effects);
  return admitted
    ? { admitted, inheritance: effects.inheritance(variables) }
    : { admitted, bannerSent };
}
