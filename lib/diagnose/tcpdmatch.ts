/**
 * This file by the name tcpdmatch: what the tables decide for a client, in the words of tcpdmatch(8).
 */
import { isUnknown, PARANOID, type Request } from "../wrappers/request.ts";
import type { TableName } from "../wrappers/find_rule.ts";
import { type AccessTrace, traceAccess } from "./access_trace.ts";
import { requestsOf } from "./check_access_request.ts";
import { exactArguments } from "../system/arguments.ts";
import { inetdProblem, readInetdConf } from "./inetd_conf.ts";
import {
  EXIT_NO_ANSWER,
  optionRow,
  parseTool,
  placeText,
  printProblem,
  printRow,
  tablesOf,
} from "./wrapper_tool.ts";

/** Every address of the client gets in. */
const EXIT_GRANTED = 0;
const EXIT_DENIED = 1;

/** The letters of the options without a value, beside -i with one. */
export const MATCH_LETTERS = "d";

const USAGE = "usage: tcpdmatch [-d] [-i inet_conf] daemon[@host] [user@]host";

/**
 * Prints what the tables decide on standard output, and on standard error what is wrong with them.
 *
 * @param given The arguments, without the name of the program.
 * @returns The exit status: 0 granted, 1 denied, for one address at least, 2 no answer.
 */
export async function tcpdmatch(given: readonly string[]): Promise<number> {
  const args = parseTool(exactArguments(given), MATCH_LETTERS);
  const problem = args.kind === "usage"
    ? args.problem
    : args.words.length === 2
    ? undefined
    : "a daemon and a client are expected";
  if (args.kind === "usage" || problem !== undefined) {
    printProblem(`tcpdmatch: ${problem}`);
    printProblem(USAGE);
    return EXIT_NO_ANSWER;
  }
  const inetd = readInetdConf(args.inetdConf);
  if (typeof inetd === "string") {
    printProblem(inetd);
    return EXIT_NO_ANSWER;
  }
  const [daemon, client] = args.words as [string, string];
  const made = requestsOf(daemon, client, false);
  if (made.kind === "error") {
    printProblem(`error: ${made.message}`);
    return EXIT_NO_ANSWER;
  }
  const [first] = made.requests;
  for (const warning of inetd?.warnings ?? []) printProblem(`warning: ${warning}`);
  if (daemon.startsWith("/") && first !== undefined) {
    printProblem(`warning: ${daemon}: daemon name normalized to: ${first.daemon}`);
  }
  const unwrapped = inetd && first ? inetdProblem(inetd, first.daemon) : undefined;
  if (unwrapped !== undefined) printProblem(`warning: ${unwrapped}`);

  const tables = tablesOf(args);
  let status = EXIT_GRANTED;
  for (const request of made.requests) {
    if (request !== first) printRow("");
    const trace = await traceAccess(tables, request, false, []);
    printRequest(trace.request);
    printTrace(trace);
    if (trace.verdict === "denied") status = EXIT_DENIED;
  }
  return status;
}

function printRequest({ client, server, user, daemon }: Request): void {
  for (const [label, { name, address }] of [["client", client], ["server", server]] as const) {
    if (typeof name === "string" && !isUnknown(name)) printRow(`${label}:   hostname ${name}`);
    if (!isUnknown(address)) printRow(`${label}:   address  ${address}`);
    if (label === "client" && user !== undefined && !isUnknown(user)) {
      printRow(`client:   username ${user}`);
    }
  }
  printRow(`server:   process  ${daemon}`);
  if (typeof client.name === "object") {
    printProblem(`warning: ${client.address}: ${client.name.unanswered}`);
  } else if (!isUnknown(client.address) && client.name === PARANOID) {
    printProblem(`warning: ${client.address}: name and address contradict each other`);
  }
}

function printTrace(trace: AccessTrace): void {
  const { rule, refusedAt, optionError } = trace;
  for (const table of ["allow", "deny"] as const) printWarnings(trace, table);
  if (rule !== undefined) printRow(`matched:  ${rule.file} line ${rule.line}`);
  for (const { effect, value } of trace.effects) printRow(optionRow(effect.option, value));
  if (rule !== undefined && optionError !== undefined) {
    printProblem(`error: ${placeText(rule.file, rule.line)}: ${optionError}`);
  }
  if (refusedAt !== undefined) {
    const place = placeText(refusedAt.file, refusedAt.line);
    printProblem(`error: ${place}: every client that reaches this is denied`);
  }
  printRow(`access:   ${trace.verdict}`);
}

function printWarnings({ tables, rule, optionError }: AccessTrace, table: TableName): void {
  const { file, warnings: { first, omitted, last } } = tables[table];
  for (const [at, { line, message }] of [...first, ...last].entries()) {
    if (at === first.length && omitted > 0) printProblem(`warning: ${omitted} more warnings`);
    const isOption = optionError !== undefined && rule?.table === table && rule.line === line;
    if (!isOption) printProblem(`warning: ${placeText(file, line)}: ${message}`);
  }
}
