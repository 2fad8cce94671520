import { type Log, Severity } from "../log.ts";
import type { Endpoint } from "../system/socket.ts";
import type { TableName, Tables } from "../wrappers/find_rule.ts";
import type { VerdictLine } from "../wrappers/verdict_line.ts";
import type { Connection, EffectRunner } from "./effect_runner.ts";

/** What is kept while the access tables are asked about one client. */
export interface Consultation {
  readonly connection: Connection;
  readonly server: Endpoint | undefined;
  readonly runner: EffectRunner;
  readonly tables: Tables;
  readonly log: Log;
  /** The syslog priority of the rule's `severity` option. */
  priority: number | undefined;
  bannerSent: boolean;
  /** Variables that the rule has set for plugins, `NAME=value` each. */
  readonly variables: string[];
}

/** Logs a line in tcpd's words, with the priority that the rule asks for. */
export function logLine(
  { priority, log: usual }: Consultation,
  { level, text }: VerdictLine,
  log: Log = usual,
): void {
  log(priority ?? Severity[level], text);
}

/** Logs what is wrong with a table, or with one of its lines. */
export function complain(
  { log, tables }: Consultation,
  kind: "warning" | "error",
  table: TableName,
  line: number | undefined,
  message: string,
): void {
  const where = line === undefined ? tables[table] : `${tables[table]}, line ${line}`;
  log(Severity.error, `${kind}: ${where}: ${message}`);
}
