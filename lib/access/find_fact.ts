import { Severity } from "../log.ts";
import { groupExists, userExists } from "../system/account.ts";
import { harmless } from "../wrappers/expand.ts";
import {
  answerKey,
  type Fact,
  type Host,
  type Request,
  type Unanswered,
  UNKNOWN,
} from "../wrappers/request.ts";
import type { Consultation } from "./consultation.ts";
import { type LookUp, type LookUpAnswer, YES } from "./look_up.ts";

/** How long a client's host may take to name its user where the rule does not say, in seconds. */
const USER_SECONDS = 10;

/**
 * Finds a fact out, and adds it to the request. The log says why a name or a netgroup could not be
 * asked for; it then stays unanswered.
 */
export async function findFact(
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
  return { ...host, name: await lookUp(consultation, { kind: "name", address: host.address }) };
}

async function userOf(
  { connection: { client }, runner, server }: Consultation,
  seconds: number,
): Promise<string> {
  if (client === undefined || server === undefined) return UNKNOWN;
  return harmless(await runner.askUser(client, server, seconds) ?? UNKNOWN);
}

async function answerTo(
  consultation: Consultation,
  question: Extract<Fact, { kind: "netgroup" | "user account" | "group account" }>,
): Promise<boolean | Unanswered> {
  switch (question.kind) {
    case "netgroup": {
      const answer = await lookUp(consultation, question);
      return typeof answer === "string" ? answer === YES : answer;
    }
    case "user account":
      return userExists(question.name);
    case "group account":
      return groupExists(question.name);
  }
}

async function lookUp({ log, runner }: Consultation, question: LookUp): Promise<LookUpAnswer> {
  const answer = await runner.lookUp(question);
  if (typeof answer === "object") {
    const subject = question.kind === "name" ? question.address : question.netgroup;
    log(Severity.error, `warning: ${subject}: ${answer.unanswered}`);
  }
  return answer;
}
