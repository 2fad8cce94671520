import type { Config } from "../config/config.ts";
import type { Log } from "../log.ts";
import type { Endpoint } from "../system/socket.ts";
import { decide } from "../wrappers/decide.ts";
import { type Host, type Request, UNKNOWN } from "../wrappers/request.ts";
import { verdictLine } from "../wrappers/verdict_line.ts";
import { complain, type Consultation, logLine } from "./consultation.ts";
import type { Connection, EffectRunner } from "./effect_runner.ts";
import { findFact } from "./find_fact.ts";
import { runEffect } from "./run_effect.ts";
import { readOnce } from "./table_files.ts";

/** What the tables say about a client. */
export interface TablesAnswer {
  readonly admitted: boolean;
  /** Whether the client has been sent a banner. */
  readonly bannerSent: boolean;
  /** Variables that the rule has set for plugins, `NAME=value` each. */
  readonly variables: readonly string[];
}

/**
 * Asks the access tables about a client, runs the effects of the deciding rule's options, and logs the
 * verdict in tcpd's words.
 */
export async function consultTables(
  config: Pick<Config, "hosts_allow_file" | "hosts_deny_file">,
  log: Log,
  connection: Connection,
  runner: EffectRunner,
): Promise<TablesAnswer> {
  const tables = {
    allow: config.hosts_allow_file,
    deny: config.hosts_deny_file,
    read: readOnce(runner.read),
  };
  const consultation: Consultation = {
    connection,
    runner,
    tables,
    log,
    priority: undefined,
    bannerSent: false,
    variables: [],
  };
  const decision = await decide(tables, requestOf(connection, runner), {
    lookUp: (fact, request) => findFact(consultation, fact, request),
    run: (due) => runEffect(consultation, due),
    warning: (table, line, message) => complain(consultation, "warning", table, line, message),
    optionError: (message, { table, line }) =>
      complain(consultation, "error", table, line, message),
  });
  // A delegated client belongs to the program that has replaced this one.
  const admitted = decision.verdict === "granted";
  if (!admitted || connection.logsGranted || consultation.priority !== undefined) {
    logLine(consultation, verdictLine(admitted ? "granted" : "denied", decision.request));
  }
  const { bannerSent, variables } = consultation;
  return { admitted, bannerSent, variables };
}

function requestOf({ client, server, daemon }: Connection, { resident }: EffectRunner): Request {
  return {
    daemon,
    client: hostOf(client),
    server: hostOf(server),
    user: undefined,
    answers: new Map(),
    pid: undefined,
    resident,
  };
}

function hostOf(endpoint: Endpoint | undefined): Host {
  if (endpoint === undefined) return { address: UNKNOWN, name: UNKNOWN };
  return { address: endpoint.address, name: undefined, port: endpoint.port };
}
