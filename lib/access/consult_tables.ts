import type { Config } from "../config/config.ts";
import { FACILITIES, LEVELS, type Log, Severity } from "../log.ts";
import { SystemError } from "../system/libc.ts";
import { groupExists, userExists } from "../system/account.ts";
import type { Endpoint } from "../system/socket.ts";
import { readOnce } from "./table_files.ts";
import { decide, type EffectEnd, type Turn } from "../wrappers/decide.ts";
import { expand, harmless } from "../wrappers/expand.ts";
import type { TableName, Tables } from "../wrappers/find_rule.ts";
import type { FileReader } from "../wrappers/match_list.ts";
import type { Effect } from "../wrappers/option.ts";
import {
  answerKey,
  type Fact,
  type Host,
  type Request,
  type Unanswered,
  UNKNOWN,
} from "../wrappers/request.ts";
import { twistLine, type VerdictLine, verdictLine } from "../wrappers/verdict_line.ts";
import { type LookUp, type LookUpAnswer, YES } from "./look_up.ts";

/** How long a client's host may take to name its user where the rule does not say, in seconds. */
const USER_SECONDS = 10;

/** A connection that somebody wants to use. */
export interface Connection {
  /** undefined where the socket is not of an internet family. */
  readonly client: Endpoint | undefined;
  readonly server: Endpoint | undefined;
  /** The name of the service, which rules know it by. */
  readonly daemon: string;
  /** Whether it is logged that the client was let in, also where the rule has no `severity`. */
  readonly logsGranted: boolean;
}

/** Effects that change this process, its plugins or its connection. */
export type Change = Extract<
  Effect,
  { readonly option: "keepalive" | "linger" | "nice" | "umask" | "user" | "group" }
>;

/** Who does what a decision needs done: blocking the process, or while it does other things. */
export interface Performer {
  /** Whether it serves more than one connection. */
  readonly resident: boolean;
  /** Reads an access table or a file that one names. */
  readonly read: FileReader;
  ask(question: LookUp): LookUpAnswer | Promise<LookUpAnswer>;
  /** Asks the client's host for its user, see RFC 1413; undefined without an answer. */
  askUser(
    client: Endpoint,
    server: Endpoint,
    seconds: number,
  ): string | undefined | Promise<string | undefined>;
  /** Runs a shell command to its end, away from the connection; says whether it succeeded. */
  runCommand(command: string, variables: readonly string[]): boolean | Promise<boolean>;
  /** Sends a text to the client. */
  say(text: string): void | Promise<void>;
  /** @throws {SystemError} when it cannot be done, and whoever comes to the rule is to be refused. */
  change(change: Change): void;
  /** Becomes a shell command that talks to the client, for good. */
  become(command: string, variables: readonly string[]): never;
}

/** What the tables say about a client. */
export interface Admission {
  readonly admitted: boolean;
  /** Whether a banner has told the client something already. */
  readonly bannerSent: boolean;
  /** Variables that the rule has set for plugins, `NAME=value` each. */
  readonly variables: readonly string[];
}

/** What is kept between the steps of a consultation. */
interface Consultation {
  readonly connection: Connection;
  readonly performer: Performer;
  readonly tables: Tables;
  readonly log: Log;
  /** The priority that the rule wants its line logged with. */
  priority: number | undefined;
  bannerSent: boolean;
  readonly variables: string[];
}

/**
 * Asks the access tables about a client, has done what the deciding rule's options ask for, and logs
 * the verdict in tcpd's words.
 */
export async function consultTables(
  config: Config,
  log: Log,
  connection: Connection,
  performer: Performer,
): Promise<Admission> {
  const tables = {
    allow: config.hosts_allow_file,
    deny: config.hosts_deny_file,
    read: readOnce(performer.read),
  };
  const consultation: Consultation = {
    connection,
    performer,
    tables,
    log,
    priority: undefined,
    bannerSent: false,
    variables: [],
  };
  const decision = await decide(tables, requestOf(connection, performer), {
    lookUp: (fact, request) => lookUp(consultation, fact, request),
    run: (turn) => takeTurn(consultation, turn),
    warning: (table, line, message) => complain(consultation, "warning", table, line, message),
    optionError: (message, { table, line }) =>
      complain(consultation, "error", table, line, message),
  });
  // A delegated client is somebody else's by now.
  const verdict = decision.verdict === "granted" ? "granted" : "denied";
  if (verdict === "denied" || connection.logsGranted || consultation.priority !== undefined) {
    logLine(consultation, verdictLine(verdict, decision.request));
  }
  const { bannerSent, variables } = consultation;
  return { admitted: verdict === "granted", bannerSent, variables };
}

function logLine({ priority, log }: Consultation, { level, text }: VerdictLine): void {
  log(priority ?? Severity[level], text);
}

function requestOf({ client, server, daemon }: Connection, { resident }: Performer): Request {
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

function complain(
  { log, tables }: Consultation,
  kind: "warning" | "error",
  table: TableName,
  line: number | undefined,
  message: string,
): void {
  const where = line === undefined ? tables[table] : `${tables[table]}, line ${line}`;
  log(Severity.error, `${kind}: ${where}: ${message}`);
}

/** Has done what an option asks for, when its turn has come. */
async function takeTurn(consultation: Consultation, turn: Turn): Promise<EffectEnd> {
  const { performer, variables } = consultation;
  const { effect, request, rule } = turn;
  try {
    switch (effect.option) {
      case "allow":
      case "deny":
      case "rfc931":
        return "done";
      case "severity":
        consultation.priority = priorityOf(effect);
        return "done";
      case "setenv":
        variables.push(`${effect.name}=${effect.value}`);
        return "done";
      case "banners":
        await sendBanner(consultation, effect.directory, request);
        return "done";
      case "spawn":
        await performer.runCommand(effect.command, variables);
        return "done";
      case "aclexec":
        return await performer.runCommand(effect.command, variables) ? "done" : "aclexec failed";
      case "twist":
        logLine(consultation, twistLine(effect.command, request));
        return performer.become(effect.command, variables);
      default:
        performer.change(effect);
        return "done";
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    complain(consultation, "error", rule.table, rule.line, error.message);
    return "error";
  }
}

function priorityOf({ level, facility }: Extract<Effect, { readonly option: "severity" }>): number {
  return (facility === undefined ? 0 : FACILITIES[facility]) + LEVELS[level];
}

/** Sends a banner file, its newlines as CR LF; a directory without one is none of our business. */
async function sendBanner(
  consultation: Consultation,
  directory: string,
  asked: Request,
): Promise<void> {
  const { connection, tables } = consultation;
  const file = tables.read(`${directory}/${connection.daemon}`);
  if (file.kind !== "text") return;
  let request = asked;
  let expansion = expand(file.text, request, asked);
  while (expansion.kind === "needs") {
    request = await lookUp(consultation, expansion.fact, request);
    expansion = expand(file.text, request, asked);
  }
  const text = expansion.kind === "text" ? expansion.text : file.text;
  await consultation.performer.say(text.replaceAll("\n", "\r\n"));
  consultation.bannerSent = true;
}

/** Finds a fact out. The log says why a name or a netgroup could not be asked for; it stays open then. */
async function lookUp(
  consultation: Consultation,
  fact: Fact,
  request: Request,
): Promise<Request> {
  switch (fact.kind) {
    case "client name":
      return { ...request, client: await named(consultation, request.client) };
    case "server name":
      return { ...request, server: await named(consultation, request.server) };
    case "process id":
      return { ...request, pid: process.pid };
    case "user":
      return { ...request, user: await userOf(consultation, fact.seconds ?? USER_SECONDS) };
    default: {
      const answer = await answerTo(consultation, fact);
      return { ...request, answers: new Map(request.answers).set(answerKey(fact), answer) };
    }
  }
}

async function named(consultation: Consultation, host: Host): Promise<Host> {
  return { ...host, name: await ask(consultation, { kind: "name", address: host.address }) };
}

async function userOf({ connection, performer }: Consultation, seconds: number): Promise<string> {
  const { client, server } = connection;
  if (client === undefined || server === undefined) return UNKNOWN;
  return harmless(await performer.askUser(client, server, seconds) ?? UNKNOWN);
}

async function answerTo(
  consultation: Consultation,
  question: Extract<Fact, { kind: "netgroup" | "user account" | "group account" }>,
): Promise<boolean | Unanswered> {
  switch (question.kind) {
    case "netgroup": {
      const answer = await ask(consultation, question);
      return typeof answer === "string" ? answer === YES : answer;
    }
    case "user account":
      return userExists(question.name);
    case "group account":
      return groupExists(question.name);
  }
}

async function ask({ log, performer }: Consultation, question: LookUp): Promise<LookUpAnswer> {
  const answer = await performer.ask(question);
  if (typeof answer === "object") {
    const subject = question.kind === "name" ? question.address : question.netgroup;
    log(Severity.error, `warning: ${subject}: ${answer.unanswered}`);
  }
  return answer;
}
