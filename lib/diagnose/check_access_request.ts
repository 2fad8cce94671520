/**
 * Whom a question about access means: names become addresses, addresses become names, as they do
 * for tcpdmatch(8).
 */
import { confirmedName, LONGEST_NAME } from "../access/confirmed_name.ts";
import { isInNetgroup, isNumericAddress, resolveName } from "../system/names.ts";
import { groupExists, userExists } from "../system/account.ts";
import { ipv4Value, ipv6Value } from "../wrappers/address.ts";
import { harmless } from "../wrappers/expand.ts";
import { delimiterAt } from "../wrappers/pattern.ts";
import {
  answerKey,
  type Fact,
  type Host,
  isKnownName,
  type Question,
  type Request,
  UNKNOWN,
} from "../wrappers/request.ts";

/** Why a question cannot be answered. */
export interface Unanswerable {
  readonly kind: "error";
  readonly message: string;
}

/** The requests that a question means, one for each address of the client. */
export interface Requests {
  readonly kind: "requests";
  readonly requests: readonly Request[];
}

/**
 * Reads the words `DAEMON[@SERVER]` and `[USER@]CLIENT`.
 *
 * @param lookup Whether the name of a client that is given by its address is looked up, as it is
 * for a real connection.
 */
export function requestsOf(
  daemonWord: string,
  clientWord: string,
  lookup: boolean,
): Requests | Unanswerable {
  const serverAt = delimiterAt(daemonWord, "@");
  const daemonPath = serverAt < 0 ? daemonWord : daemonWord.slice(0, serverAt);
  const daemon = daemonPath.startsWith("/")
    ? daemonPath.slice(daemonPath.lastIndexOf("/") + 1)
    : daemonPath;
  const server = serverAt < 0 ? NOBODY : serverOf(daemonWord.slice(serverAt + 1));
  if ("kind" in server) return server;

  const userAt = delimiterAt(clientWord, "@");
  const user = userAt < 0 ? "" : clientWord.slice(0, userAt);
  const clients = clientsOf(userAt < 0 ? clientWord : clientWord.slice(userAt + 1), lookup);
  if ("kind" in clients) return clients;

  return {
    kind: "requests",
    requests: clients.map((client) => ({
      daemon: cut(daemon),
      client,
      server,
      user: user === "" ? UNKNOWN : cut(user),
      answers: new Map(),
      pid: undefined,
      resident: false,
    })),
  };
}

const NOBODY: Host = { address: UNKNOWN, name: UNKNOWN };

function serverOf(word: string): Host | Unanswerable {
  if (isSpecialName(word)) return { address: UNKNOWN, name: word };
  const addresses = resolveName(word)?.addresses;
  if (addresses === undefined) return notFound(word);
  if (addresses.length > 1) {
    return {
      kind: "error",
      message: `${word} has more than one address, please name one: ${addresses.join(" ")}`,
    };
  }
  return { address: addresses[0]!, name: nameOf(addresses[0]!) };
}

function clientsOf(word: string, lookup: boolean): readonly Host[] | Unanswerable {
  if (isSpecialName(word)) return [{ address: UNKNOWN, name: word }];
  if (isAddress(word)) {
    return [{ address: harmless(word), name: lookup ? nameOf(word) : UNKNOWN }];
  }
  const addresses = resolveName(word)?.addresses;
  if (addresses === undefined) return notFound(word);
  return addresses.map((address) => ({ address, name: nameOf(address) }));
}

function isSpecialName(word: string): boolean {
  return !isKnownName(word);
}

/** A dotted quad or an IPv6 address; other spellings of numbers are for the resolver to read. */
function isAddress(word: string): boolean {
  if (ipv4Value(word) !== undefined) return true;
  return word.includes("%") ? isNumericAddress(word) : ipv6Value(word) !== undefined;
}

function notFound(word: string): Unanswerable {
  return { kind: "error", message: `${word === "" ? '""' : word}: host not found` };
}

/** A name as tcpdmatch(8) compares it: at most 127 bytes, `_` for what no name should hold. */
function cut(name: string): string {
  return harmless(name.slice(0, LONGEST_NAME));
}

function nameOf(address: string): Host["name"] {
  const name = confirmedName(address);
  return typeof name === "string" ? cut(name) : name;
}

/** Finds a fact out for a request, by asking the C library. */
export function lookUp(fact: Fact, request: Request): Request {
  switch (fact.kind) {
    case "client name": {
      const { client } = request;
      return { ...request, client: { ...client, name: nameOf(client.address) } };
    }
    case "server name": {
      const { server } = request;
      return { ...request, server: { ...server, name: nameOf(server.address) } };
    }
    case "process id":
      return { ...request, pid: process.pid };
    // There is no connection whose user could be asked for.
    case "user":
      return { ...request, user: UNKNOWN };
    default:
      return {
        ...request,
        answers: new Map(request.answers).set(answerKey(fact), answer(fact)),
      };
  }
}

function answer(question: Question): boolean {
  switch (question.kind) {
    case "netgroup":
      return isInNetgroup(question.netgroup, question.host);
    case "user account":
      return userExists(question.name);
    case "group account":
      return groupExists(question.name);
  }
}
