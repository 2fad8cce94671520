import { VERSION } from "../version.ts";
import type { ConversationEnd } from "./conversation.ts";

/** What became of a connection. */
export type ConnectionEnd = ConversationEnd["kind"] | "no TLS" | "refused" | "failed";

/** Why a client is refused. */
export type RefusalReason =
  | "allowed_hosts"
  | "access_tables"
  | "max_connections"
  | "max_connections_per_source"
  | "too_many_undecided";

/** Counts of what a process has done since its start. */
export interface Metrics {
  readonly ended: (end: ConnectionEnd) => void;
  readonly refused: (reason: RefusalReason) => void;
  /** Counts a command that has run. */
  readonly ran: (seconds: number) => void;
  /** All counts, in the text format of Prometheus. */
  readonly exposition: (now: Present) => string;
}

/** What a process is like now. */
export interface Present {
  readonly connections: number;
  readonly running: number;
  readonly waiting: number;
  /** When the certificate expires, in seconds since 1970; undefined where there is none. */
  readonly certificateExpiry: number | undefined;
  /** When the first CRL expires, in the same way. */
  readonly crlExpiry: number | undefined;
}

/** The upper bounds of the histogram of commands, in seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const ENDS: Readonly<Record<ConnectionEnd, string>> = {
  "answered": "answered",
  "no query": "no_query",
  "invalid query": "invalid_query",
  "no TLS": "no_tls",
  "refused": "refused",
  "failed": "failed",
};

const REASONS: readonly RefusalReason[] = [
  "allowed_hosts",
  "access_tables",
  "max_connections",
  "max_connections_per_source",
  "too_many_undecided",
];

/**
 * Makes counts, all of them 0.
 * @param started The start of the process, in seconds since 1970.
 */
export function makeMetrics(started: number): Metrics {
  const ends = new Map<ConnectionEnd, number>();
  const refusals = new Map<RefusalReason, number>();
  const commands: number[] = new Array(BOUNDS.length + 1).fill(0);
  let seconds = 0;
  const histogram = (name: string): string[] => {
    let count = 0;
    const lines = commands.map((some, at) => {
      count += some;
      return `${name}_bucket{le="${BOUNDS[at] ?? "+Inf"}"} ${count}`;
    });
    return [...lines, `${name}_sum ${seconds}`, `${name}_count ${count}`];
  };
  return {
    ended: (end) => void ends.set(end, (ends.get(end) ?? 0) + 1),
    refused: (reason) => void refusals.set(reason, (refusals.get(reason) ?? 0) + 1),
    ran(time) {
      const at = BOUNDS.findIndex((bound) => time <= bound);
      commands[at < 0 ? BOUNDS.length : at]!++;
      seconds += time;
    },
    exposition({ connections, running, waiting, certificateExpiry, crlExpiry }) {
      const lines = [
        ...family("nrpe_info", "gauge", "The version of the agent.", [
          `nrpe_info{version="${VERSION}"} 1`,
        ]),
        ...family("nrpe_start_time_seconds", "gauge", "When the agent started, since 1970.", [
          `nrpe_start_time_seconds ${started}`,
        ]),
        ...family(
          "nrpe_conversations_total",
          "counter",
          "Connections that have ended, by their outcome.",
          (Object.keys(ENDS) as ConnectionEnd[]).map((end) =>
            `nrpe_conversations_total{outcome="${ENDS[end]}"} ${ends.get(end) ?? 0}`
          ),
        ),
        ...family(
          "nrpe_refusals_total",
          "counter",
          "Refused connections, by the reason.",
          REASONS.map((reason) =>
            `nrpe_refusals_total{reason="${reason}"} ${refusals.get(reason) ?? 0}`
          ),
        ),
        ...family(
          "nrpe_command_duration_seconds",
          "histogram",
          "How long commands ran.",
          histogram("nrpe_command_duration_seconds"),
        ),
        ...family("nrpe_commands_running", "gauge", "Commands that run now.", [
          `nrpe_commands_running ${running}`,
        ]),
        ...family("nrpe_commands_waiting", "gauge", "Commands that wait, see max_commands.", [
          `nrpe_commands_waiting ${waiting}`,
        ]),
        ...family("nrpe_connections_open", "gauge", "Connections that are open now.", [
          `nrpe_connections_open ${connections}`,
        ]),
      ];
      const expiries = [
        ["certificate", "When the agent's certificate expires, since 1970.", certificateExpiry],
        ["crl", "When the first revocation list expires, since 1970.", crlExpiry],
      ] as const;
      for (const [what, help, expiry] of expiries) {
        if (expiry === undefined) continue;
        const name = `nrpe_${what}_expiry_timestamp_seconds`;
        lines.push(...family(name, "gauge", help, [`${name} ${expiry}`]));
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  samples: readonly string[],
): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples];
}
