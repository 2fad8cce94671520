import type { Config } from "../config/config.ts";
import { type Log, Severity } from "../log.ts";
import { SystemError } from "../system/libc.ts";
import type { Endpoint } from "../system/socket.ts";
import { decide } from "../wrappers/decide.ts";
import type { MatchedRule } from "../wrappers/find_rule.ts";
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
  /** The rule that decided; undefined where none matched. */
  readonly rule: RulePlace | undefined;
}

/** Where a rule stands. */
export type RulePlace = Pick<MatchedRule, "file" | "line">;

/** Where the tables' verdicts are logged. */
export interface VerdictLogs {
  readonly granted: Log;
  readonly denied: Log;
}

/**
 * Asks the access tables about a client, runs the effects of the deciding rule's options, and logs the
 * verdict in tcpd's words.
 * @param verdicts Where the verdict is logged, if it is not where all else is.
 */
export async function consultTables(
  config: Pick<Config, "hosts_allow_file" | "hosts_deny_file" | "debug">,
  log: Log,
  connection: Connection,
  runner: EffectRunner,
  verdicts?: VerdictLogs,
): Promise<TablesAnswer> {
  const tables = {
    allow: config.hosts_allow_file,
    deny: config.hosts_deny_file,
    read: readOnce(runner.read),
  };
  let server: Endpoint | undefined;
  try {
    server = connection.server();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // A rule may be about one of this host's addresses alone.
    log(Severity.error, `warning: can't get server address: ${error.message}`);
    const { level, text } = verdictLine("denied", requestOf(connection, undefined, runner));
    log(Severity[level], text);
    return { admitted: false, bannerSent: false, variables: [], rule: undefined };
  }
  const consultation: Consultation = {
    connection,
    server,
    runner,
    tables,
    log,
    priority: undefined,
    bannerSent: false,
    variables: [],
  };
  const request = requestOf(connection, server, runner);
  const decision = await decide(tables, request, {
    lookUp: (fact, request) => findFact(consultation, fact, request),
    run: (due) => runEffect(consultation, due),
    warning: (table, line, message) => complain(consultation, "warning", table, line, message),
    optionError: (message, { table, line }) =>
      complain(consultation, "error", table, line, message),
  });
  // A delegated client belongs to the program that has replaced this one.
  const admitted = decision.verdict === "granted";
  if (!admitted || connection.logsGranted || consultation.priority !== undefined) {
    const line = verdictLine(admitted ? "granted" : "denied", decision.request);
    logLine(consultation, line, admitted ? verdicts?.granted : verdicts?.denied);
  }
  const { allow, deny, read } = tables;
  const { rule } = decision;
  if (connection.hints && decision.verdict === "denied" && rule?.table === "deny") {
    await hint(consultation, [allow], request);
  }
  if (connection.hints && rule === undefined && admitted && (runner.resident || config.debug)) {
    // Most hosts without such a rule have no tables.
    const isText = (path: string) => read(path).kind === "text";
    if (isText(allow) || isText(deny)) await hint(consultation, [allow, deny], request);
  }
  const { bannerSent, variables } = consultation;
  return { admitted, bannerSent, variables, rule };
}

/** Logs that some tables have no rule for the service, where that is so and not yet said. */
async function hint(
  { tables, log }: Consultation,
  paths: readonly string[],
  request: Request,
): Promise<void> {
  const { daemonHint } = await import("./daemon_hint.ts");
  const message = daemonHint(paths, tables.read, request);
  if (message !== undefined) log(Severity.notice, message);
}

function requestOf(
  { client, daemon }: Connection,
  server: Endpoint | undefined,
  { resident }: EffectRunner,
): Request {
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
