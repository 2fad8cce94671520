import { nameOfAlert } from "../tls/alert.ts";
import { receivedAlert } from "../tls/explain_failure.ts";
import type { Arrival, Opening } from "./channel.ts";
import type { Reply } from "./exchange.ts";
import type { ProbeStepName, ProbeTarget } from "./probe_target.ts";
import type { HandshakeFailure } from "./secure.ts";

/** Codes of failures; they do not change. */
export type ProbeFailureCode =
  /** The name has no address. */
  | "unresolved"
  /** Nothing listens on the port. */
  | "connection-refused"
  /** The network says that there is no way. */
  | "no-route"
  | "cannot-connect"
  | "timed-out"
  /** The agent ends every connection before it sends a byte. */
  | "closed"
  | "speaks-tls"
  | "speaks-no-tls"
  | "tls-alert"
  | "tls-failed"
  /** The agent answers, but not this query. */
  | "query-refused"
  | "incomplete"
  | "not-nrpe";

/** Why there is no answer. */
export interface ProbeFailure {
  readonly kind: "failed";
  readonly code: ProbeFailureCode;
  /** The step that failed. */
  readonly step: ProbeStepName;
  /** For a person, without a full stop. */
  readonly message: string;
}

/** What a step ended with. */
export type Cause =
  | {
    readonly kind: "failed";
    readonly step: "resolve";
    readonly ending: "timed out" | "unresolved";
  }
  | {
    readonly kind: "failed";
    readonly step: "connect";
    readonly opening: Exclude<Opening, { readonly kind: "open" }>;
  }
  | { readonly kind: "failed"; readonly step: "handshake"; readonly failure: HandshakeFailure }
  | {
    readonly kind: "failed";
    readonly step: "query";
    readonly reply: Exclude<Reply, { readonly kind: "response" }>;
  };

/** What made an agent talk that had ended a connection. */
export type SecondLook = "speaks TLS" | "speaks no TLS" | "answers another query";

/** Why a step failed, in words. */
export function explain(
  cause: Cause,
  target: ProbeTarget,
  seen: SecondLook | undefined,
): ProbeFailure {
  const [code, message] = reasonOf(cause, target, seen);
  return { kind: "failed", code, step: cause.step, message };
}

type Reason = readonly [code: ProbeFailureCode, message: string];

function reasonOf(cause: Cause, target: ProbeTarget, seen: SecondLook | undefined): Reason {
  switch (seen) {
    case "speaks TLS":
      return ["speaks-tls", "the agent speaks TLS, and this query was sent without (-n)"];
    case "speaks no TLS":
      return [
        "speaks-no-tls",
        "the agent speaks no TLS: it runs with -n or ssl_enabled=0; ask with -n",
      ];
    case "answers another query":
      return ["query-refused", refusedQuery(target)];
  }
  switch (cause.step) {
    case "resolve":
      return cause.ending === "timed out"
        ? timedOut(target, "looking the name up")
        : ["unresolved", `the name ${target.host} does not resolve`];
    case "connect":
      return cause.opening.kind === "timed out"
        ? timedOut(target, "connecting: a firewall drops the packets, or the host is down")
        : explainConnect(cause.opening.code);
    case "handshake":
      return explainHandshake(cause.failure, target);
    case "query":
      return explainReply(cause.reply, target);
  }
}

function timedOut({ timeout }: ProbeTarget, doing: string): Reason {
  return ["timed-out", `timeout after ${timeout / 1000} s while ${doing}`];
}

function refusedQuery({ query, version }: ProbeTarget): string {
  const talks = "the agent answers, but ended the connection at this query";
  if (version === 3) return `${talks}: it takes no packets of version 3`;
  return query.includes("!")
    ? `${talks}: dont_blame_nrpe=0 or its build forbid arguments, or a character is one of nasty_metachars; its log says which`
    : `${talks}; its log says why`;
}

const CONNECT_FAILURES: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: ["connection-refused", "connection refused: nothing listens on this port"],
  EHOSTUNREACH: ["no-route", "no route to the host"],
  ENETUNREACH: ["no-route", "no route to the network of this address"],
  EACCES: ["cannot-connect", "a firewall of this host forbids the connection"],
  EPERM: ["cannot-connect", "a firewall of this host forbids the connection"],
};

function explainConnect(code: string): Reason {
  return CONNECT_FAILURES[code] ?? ["cannot-connect", `cannot connect: ${code}`];
}

const CLOSED: Reason = [
  "closed",
  "closed before a byte: access rules or allowed_hosts refuse this address",
];

function explainHandshake(failure: HandshakeFailure, target: ProbeTarget): Reason {
  switch (failure.kind) {
    case "timed out":
      return timedOut(target, "waiting for the TLS handshake");
    case "alert":
      return explainAlert(failure.alert);
    case "closed":
      return failure.heard ? ["tls-failed", "closed within the TLS handshake"] : CLOSED;
    case "failed":
      return isNoTls(failure)
        ? ["not-nrpe", "what answers speaks neither TLS nor NRPE"]
        : ["tls-failed", `the TLS handshake failed: ${failure.reason}`];
  }
}

const ALERTS: Readonly<Record<number, string>> = {
  40: "the agent has no cipher in common with this client, or requires a client certificate",
  42: "the agent does not accept this client's certificate",
  48: "the agent does not know the CA of this client's certificate",
  70: "the agent and this client have no version of TLS in common",
  116: "the agent requires a client certificate",
};

function explainAlert(alert: number): Reason {
  const words = ALERTS[alert];
  const name = nameOfAlert(alert).replaceAll("_", " ");
  return ["tls-alert", `TLS alert ${alert}: ${name}${words === undefined ? "" : `: ${words}`}`];
}

/** The library's codes for bytes that are no TLS. */
const NO_TLS = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_RECORD", "UNEXPECTED_MESSAGE"];

/** Whether the peer answered the handshake with something other than TLS. */
export function isNoTls(failure: HandshakeFailure): boolean {
  return failure.kind === "failed" &&
    NO_TLS.some((reason) => failure.reason.endsWith(`:${reason}`));
}

function explainReply(
  reply: Exclude<Reply, { readonly kind: "response" }>,
  target: ProbeTarget,
): Reason {
  if (reply.kind === "no packet") {
    return ["not-nrpe", `the answer is not an NRPE response: wrong ${reply.reason}`];
  }
  const { ending, received } = reply;
  const length = received.byteLength;
  if (ending.kind === "timed out") {
    return timedOut(
      target,
      length === 0
        ? "waiting for the response"
        : `reading the response, of which ${length} bytes came`,
    );
  }
  if (length > 0) {
    return ["incomplete", `${endingText(ending)} after ${length} bytes of a response`];
  }
  const alert = ending.kind === "failed" ? receivedAlert(ending.reason) : undefined;
  if (alert !== undefined) return explainAlert(alert);
  if (!target.tls) return CLOSED;
  return [
    "closed",
    "closed after the TLS handshake, before a byte: the agent refuses this client's certificate, or the query; its log says which",
  ];
}

function endingText(ending: Arrival): string {
  return ending.kind === "failed" ? "the connection broke" : "closed";
}
