/**
 * The requests that a command line asks about. Names become addresses, and addresses names, as for
 * tcpdmatch(8).
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

/** Why no request can be made. */
interface RequestError {
  readonly kind: "error";
  readonly message: string;
}

/** One request for each address of the client. */
interface Requests {
  readonly kind: "requests";
  readonly requests: readonly Request[];
}

/**
 * Makes the requests of `DAEMON[@SERVER]` and `[USER@]CLIENT`.
 *
 * @param lookup Whether the name of a client that is given by its address is looked up, as for a
 * connection.
 */
export function requestsOf(
  daemonWord: string,
  clientWord: string,
  lookup: boolean,
): Requests | RequestError {
  const serverAt = delimiterAt(daemonWord, "@");
  const daemonPath = serverAt < 0 ? daemonWord : daemonWord.slice(0, serverAt);
  const daemon = daemonPath.startsWith("/")
    ? daemonPath.slice(daemonPath.lastIndexOf("/") + 1)
    : daemonPath;
  const server = serverAt < 0 ? UNKNOWN_HOST : serverNamed(daemonWord.slice(serverAt + 1));
  if ("kind" in server) return server;

  const userAt = delimiterAt(clientWord, "@");
  const user = userAt < 0 ? "" : clientWord.slice(0, userAt);
  const clients = clientsNamed(userAt < 0 ? clientWord : clientWord.slice(userAt + 1), lookup);
  if ("kind" in clients) return clients;

  return {
    kind: "requests",
    requests: clients.map((client) => ({
      daemon: comparedName(daemon),
      client,
      server,
      user: user === "" ? UNKNOWN : comparedName(user),
      answers: new Map(),
      pid: undefined,
      resident: false,
    })),
  };
}

const UNKNOWN_HOST: Host = { address: UNKNOWN, name: UNKNOWN };

function serverNamed(word: string): Host | RequestError {
  if (isSpecialName(word)) return { address: UNKNOWN, name: word };
  const addresses = resolveName(word)?.addresses;
  if (addresses === undefined) return hostNotFound(word);
  if (addresses.length > 1) {
    return {
      kind: "error",
      message: `${word} has more than one address: name one of ${addresses.join(" ")}`,
    };
  }
  return { address: addresses[0]!, name: lookUpName(addresses[0]!) };
}

function clientsNamed(word: string, lookup: boolean): readonly Host[] | RequestError {
  if (isSpecialName(word)) return [{ address: UNKNOWN, name: word }];
  if (isAddress(word)) {
    return [{ address: harmless(word), name: lookup ? lookUpName(word) : UNKNOWN }];
  }
  const addresses = resolveName(word)?.addresses;
  if (addresses === undefined) return hostNotFound(word);
  return addresses.map((address) => ({ address, name: lookUpName(address) }));
}

function isSpecialName(word: string): boolean {
  return !isKnownName(word);
}

/** Whether a word is an address of four parts or of IPv6; the resolver reads other numbers. */
function isAddress(word: string): boolean {
  if (ipv4Value(word) !== undefined) return true;
  return word.includes("%") ? isNumericAddress(word) : ipv6Value(word) !== undefined;
}

function hostNotFound(word: string): RequestError {
  return { kind: "error", message: `${word === "" ? '""' : word}: host not found` };
}

/** A name as tcpdmatch(8) compares it: at most 127 bytes, `_` for each unsafe one. */
function comparedName(name: string): string {
  return harmless(name.slice(0, LONGEST_NAME));
}

function lookUpName(address: string): Host["name"] {
  const name = confirmedName(address);
  return typeof name === "string" ? comparedName(name) : name;
}

/** Asks the C library for a fact, and returns the request with it. */
export function lookUpFact(fact: Fact, request: Request): Request {
  switch (fact.kind) {
    case "client name": {
      const { client } = request;
      return { ...request, client: { ...client, name: lookUpName(client.address) } };
    }
    case "server name": {
      const { server } = request;
      return { ...request, server: { ...server, name: lookUpName(server.address) } };
    }
    case "process id":
      return { ...request, pid: process.pid };
    // RFC 1413 needs a connection.
    case "user":
      return { ...request, user: UNKNOWN };
    default:
      return {
        ...request,
        answers: new Map(request.answers).set(answerKey(fact), answerOf(fact)),
      };
  }
}

function answerOf(question: Question): boolean {
  switch (question.kind) {
    case "netgroup":
      return isInNetgroup(question.netgroup, question.host);
    case "user account":
      return userExists(question.name);
    case "group account":
      return groupExists(question.name);
  }
}
