import type { PacketVersion } from "../protocol/packet.ts";

/** The query that asks for the agent's version, and runs nothing. */
export const VERSION_QUERY = "_NRPE_CHECK";

/** What to ask, and how. */
export interface ProbeTarget {
  /** A name or an address, a byte string. */
  readonly host: string;
  readonly port: number;
  /** Whether TLS is spoken. */
  readonly tls: boolean;
  /** The packet version to ask in; undefined: 4 and, without an answer, 2, as check_nrpe does. */
  readonly version?: PacketVersion | undefined;
  /** The text of the query, {@link VERSION_QUERY} say. */
  readonly query: string;
  /** For all steps together, in milliseconds. */
  readonly timeout: number;
}

export type ProbeStepName = "resolve" | "connect" | "handshake" | "query";

export interface ProbeStep {
  readonly step: ProbeStepName;
  /** In milliseconds. */
  readonly milliseconds: number;
}
