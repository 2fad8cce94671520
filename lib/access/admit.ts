import { type Log, Severity } from "../log.ts";
import type { Inheritance } from "../system/process.ts";
import type { Stream } from "../system/stream.ts";
import { UNKNOWN } from "../wrappers/request.ts";
import { consultTables, type RulePlace, type VerdictLogs } from "./consult_tables.ts";
import type { AccessPolicy } from "./effect_runner.ts";
import { eventedEffects } from "./evented_effects.ts";

/** A refusal, or what plugins of the client are started with. */
export type Admission =
  | {
    readonly admitted: false;
    readonly bannerSent: boolean;
    readonly by: "allowed_hosts" | "access_tables";
  }
  | {
    readonly admitted: true;
    readonly inheritance: Inheritance;
    /** The rule that admits the client; undefined where none matched, or none was asked. */
    readonly rule: RulePlace | undefined;
  };

const REFUSED: Admission = { admitted: false, bannerSent: false, by: "allowed_hosts" };

/** What a decision about a client is made with. */
export interface AdmitOptions {
  /** The environment of plugins and of rules' commands, unless the rule changes it. */
  readonly environment: readonly string[];
  readonly log: Log;
  /** Where verdicts are logged. */
  readonly verdicts: VerdictLogs;
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
  { environment, log, verdicts, wait }: AdmitOptions,
): Promise<Admission> {
  const { client, server } = stream;
  const address = client?.address ?? UNKNOWN;
  const allowed = allowList.allows(address);
  // Most lists know at once, and a turn of the event loop is saved.
  if (typeof allowed !== "boolean") wait();
  if (!(typeof allowed === "boolean" ? allowed : await allowed)) {
    verdicts.denied(Severity.error, `Host ${address} is not allowed to talk to us!`);
    return REFUSED;
  }
  if (!config.tcp_wrappers) {
    return { admitted: true, inheritance: { environment }, rule: undefined };
  }
  const connection = {
    client,
    server,
    daemon: config.daemon_name,
    logsGranted,
    hints: true,
  };
  const effects = eventedEffects(stream, environment, wait);
  const answer = await consultTables(config, log, connection, effects, verdicts);
  const { admitted, bannerSent, variables, rule } = answer;
  if (!admitted) return { admitted, bannerSent, by: "access_tables" };
  effects.admitted();
  return { admitted, inheritance: effects.inheritance(variables), rule };
}
