import type { RulePlace } from "../access/consult_tables.ts";
import { type Facts, type Log, Severity } from "../log.ts";
import type { ConversationEnd } from "./conversation.ts";

/** What became of an admitted client. */
export interface Summary {
  /** The client's address. */
  readonly client: string;
  /** The rule that admitted it. */
  readonly rule: RulePlace | undefined;
  /** The TLS version; undefined for a plain conversation. */
  readonly tls: string | undefined;
  readonly end: ConversationEnd | { readonly kind: "no TLS" };
  /** How long it took, with the wait for the query and the plugin. */
  readonly milliseconds: number;
}

const STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;

/** The longest name of a command that is shown, in bytes. A client may make it as long as a packet. */
const LONGEST_NAME = 200;

/** Logs what became of an admitted client, in one line: `log_summary` asks for it. */
export function logSummary(log: Log, summary: Summary): void {
  const facts = factsOf(summary);
  const words = Object.entries(facts).map(([name, fact]) => `${name}=${wordFor(fact)}`);
  log(Severity.info, `Summary: ${words.join(" ")}`, facts);
}

function factsOf({ client, rule, tls, end, milliseconds }: Summary): Facts {
  const answered = end.kind === "answered" ? end : undefined;
  const explained = end.kind === "invalid query" ? end.response : undefined;
  const command = answered?.command;
  return {
    client,
    rule: rule === undefined ? null : `${rule.file}:${rule.line}`,
    tls: tls ?? null,
    result: end.kind,
    version: (answered ?? explained)?.version ?? null,
    command: command === undefined
      ? null
      : command.length > LONGEST_NAME
      ? `${command.slice(0, LONGEST_NAME)}...`
      : command,
    state: answered !== undefined
      ? STATES[answered.code]
      : explained !== undefined
      ? STATES[3]
      : null,
    milliseconds: Math.round(milliseconds),
    bytes: answered?.bytes ?? explained?.bytes.byteLength ?? 0,
  };
}

/** A value as one word, in quotes unless it is plain. What there is not is `-`. */
function wordFor(fact: string | number | null): string {
  if (fact === null) return "-";
  const text = String(fact);
  return /^[\w.:/%@+,-]+$/.test(text) && text !== "-" ? text : JSON.stringify(text);
}
