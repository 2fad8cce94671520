/**
 * What answers at an address, step by step, and what is wrong where nothing does.
 *
 * Where an agent ends the connection without a word, it is asked once more in another way (without TLS,
 * or with it, or for its version), since the reason shows only in the difference.
 */
import { now } from "../system/libc.ts";
import { longestText, type PacketVersion, type ResultCode } from "../protocol/packet.ts";
import { addressesOf } from "./addresses.ts";
import { secureAnonymously } from "./anonymous_tls.ts";
import { openChannel } from "./channel.ts";
import { exchange } from "./exchange.ts";
import {
  type Cause,
  explain,
  isNoTls,
  type ProbeFailure,
  type SecondLook,
} from "./explain_probe.ts";
import {
  type ProbeStep,
  type ProbeStepName,
  type ProbeTarget,
  VERSION_QUERY,
} from "./probe_target.ts";
import { type AgentCertificate, secure, type SecureChannel, type TlsDemands } from "./secure.ts";

/** TLS as it was negotiated. */
export interface ProbedTls {
  readonly version: string;
  readonly cipher: string;
  /** undefined for anonymous key agreement. */
  readonly certificate: (AgentCertificate & { readonly daysLeft: number }) | undefined;
}

export type ProbeOutcome =
  | {
    readonly kind: "answered";
    /** The packet version of the response. */
    readonly version: PacketVersion;
    readonly state: ResultCode;
    /** A byte string, to be made printable. */
    readonly text: string;
  }
  | ProbeFailure;

export interface ProbeResult {
  readonly target: ProbeTarget;
  /** The address connected to, or tried last; undefined where the name does not resolve. */
  readonly address: string | undefined;
  /** The steps of the last attempt, in their order; the last one may have failed. */
  readonly steps: readonly ProbeStep[];
  readonly tls: ProbedTls | undefined;
  readonly outcome: ProbeOutcome;
}

/** One connection's use. */
interface Attempt {
  readonly tls: boolean;
  readonly version: PacketVersion;
  readonly query: string;
}

/** What came of one connection. */
interface Attempted {
  readonly address: string;
  readonly steps: readonly ProbeStep[];
  readonly tls: ProbedTls | undefined;
  readonly result: Answered | Cause;
}

type Answered = ProbeOutcome & { readonly kind: "answered" };

/** How long the question for the reason may take, in milliseconds. */
const SECOND_LOOK = 3_000;

const DAY = 86_400_000;

/** Probes an agent. Never throws for what the network or the peer does. */
export async function probe(target: ProbeTarget): Promise<ProbeResult> {
  const begun = now();
  const deadline = begun + target.timeout;
  const found = await addressesOf(target.host, deadline);
  const resolving: ProbeStep = { step: "resolve", milliseconds: now() - begun };
  if (found.kind !== "found") {
    const outcome = explain(
      { kind: "failed", step: "resolve", ending: found.kind },
      target,
      undefined,
    );
    return { target, address: undefined, steps: [resolving], tls: undefined, outcome };
  }
  const { tls, query, version = 4 } = target;
  let attempted = await attempt(found.addresses, target.port, { tls, query, version }, deadline);
  const older = target.version === undefined && query.length <= longestText(2);
  if (older && endedInQuery(attempted.result)) {
    const again = await attempt(found.addresses, target.port, { tls, query, version: 2 }, deadline);
    if (again.result.kind === "answered") attempted = again;
  }
  const { result, ...rest } = attempted;
  const outcome = result.kind === "answered"
    ? result
    : explain(result, target, await lookAgain(attempted.address, target, result, deadline));
  return { target, ...rest, steps: [resolving, ...rest.steps], outcome };
}

/** Whether the agent may know no packets of that version. */
function endedInQuery(result: Attempted["result"]): boolean {
  return result.kind === "failed" && result.step === "query" &&
    !(result.reply.kind === "incomplete" && result.reply.ending.kind === "timed out");
}

/** Uses one connection, to the first address that takes one. */
async function attempt(
  addresses: readonly [string, ...string[]],
  port: number,
  how: Attempt,
  deadline: number,
): Promise<Attempted> {
  const query = { version: how.version, text: how.query };
  const steps: ProbeStep[] = [];
  const timed = async <Result>(step: ProbeStepName, work: Promise<Result>): Promise<Result> => {
    const begun = now();
    const result = await work;
    steps.push({ step, milliseconds: now() - begun });
    return result;
  };
  let [address] = addresses;
  let opening = await timed("connect", openChannel({ address, port }, deadline));
  for (const next of addresses.slice(1)) {
    if (opening.kind === "open") break;
    steps.pop();
    address = next;
    opening = await timed("connect", openChannel({ address, port }, deadline));
  }
  const base = { address, steps, tls: undefined };
  if (opening.kind !== "open") {
    return { ...base, result: { kind: "failed", step: "connect", opening } };
  }
  let plain = opening.channel;
  try {
    let securing = how.tls
      ? await timed("handshake", secure(plain, PROBE_DEMANDS, deadline))
      : undefined;
    if (securing?.kind === "alert" && securing.alert === HANDSHAKE_FAILURE) {
      const another = await openChannel({ address, port }, deadline);
      if (another.kind === "open") {
        plain.close();
        plain = another.channel;
        steps.pop();
        const anonymous = await timed("handshake", secureAnonymously(plain, deadline));
        if (anonymous.kind === "secure") securing = anonymous;
      }
    }
    if (securing !== undefined && securing.kind !== "secure") {
      return { ...base, result: { kind: "failed", step: "handshake", failure: securing } };
    }
    const tls = securing === undefined ? undefined : probedTls(securing.channel);
    const reply = await timed("query", exchange(securing?.channel ?? plain, query, deadline));
    if (reply.kind !== "response") {
      return { ...base, tls, result: { kind: "failed", step: "query", reply } };
    }
    const { version, code: state, text } = reply.response;
    return { ...base, tls, result: { kind: "answered", version, state, text } };
  } finally {
    plain.close();
  }
}

/** The alert of an agent that has no certificate, or no cipher in common with the client. */
const HANDSHAKE_FAILURE = 40;

/** All that the library can speak: whether a version is a good one is not asked here. */
const PROBE_DEMANDS: TlsDemands = { minVersion: "TLSv1", maxVersion: "TLSv1.3" };

function probedTls({ version, cipher, certificate }: SecureChannel): ProbedTls {
  if (certificate === undefined) return { version, cipher, certificate };
  const daysLeft = Math.floor((certificate.validTo - Date.now()) / DAY);
  return { version, cipher, certificate: { ...certificate, daysLeft } };
}

/**
 * Asks the agent that has ended a connection in another way, by the query that every agent answers.
 * @returns What made it talk; undefined where it ends every connection, or has not ended one.
 */
async function lookAgain(
  address: string,
  { port, tls, query, version }: ProbeTarget,
  cause: Cause,
  deadline: number,
): Promise<SecondLook | undefined> {
  if (cause.step === "resolve" || cause.step === "connect") return undefined;
  if (cause.step === "handshake" && cause.failure.kind !== "closed" && !isNoTls(cause.failure)) {
    return undefined;
  }
  if (cause.step === "query" && cause.reply.kind === "incomplete") {
    if (cause.reply.ending.kind === "timed out") return undefined;
  }
  const until = Math.min(deadline, now() + SECOND_LOOK);
  const ask = (how: Attempt) => attempt([address], port, how, until);
  const plainest = { query: VERSION_QUERY, version: 2 } as const;
  if (cause.step === "query" && (query !== VERSION_QUERY || version === 3)) {
    const { result } = await ask({ tls, ...plainest });
    if (result.kind === "answered") return "answers another query";
  }
  const { result } = await ask({ tls: !tls, ...plainest });
  if (tls) return result.kind === "answered" ? "speaks no TLS" : undefined;
  const spoke = result.kind === "answered" || result.step === "query" ||
    (result.step === "handshake" && result.failure.kind === "alert");
  return spoke ? "speaks TLS" : undefined;
}
