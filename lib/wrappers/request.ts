/**
 * The request that the tables are searched for, and the facts about it that may be missing.
 *
 * All texts are byte strings. As in hosts_access(5) an unknown address, name or user is the text
 * `unknown`, and a name that contradicts its address is the text `paranoid`; the wildcards UNKNOWN and
 * PARANOID are compared with these texts.
 */

/** An unknown address, name or user. */
export const UNKNOWN = "unknown";
/** A name that contradicts its address. */
export const PARANOID = "paranoid";

/** A question that could not be asked, or was not answered in time: the name may exist or not. */
export interface Unanswered {
  /** The reason. */
  readonly unanswered: string;
}

/** One end of the connection. */
export interface Host {
  /** The address in text form, or {@link UNKNOWN}. */
  readonly address: string;
  /** The name, {@link UNKNOWN}, {@link PARANOID}, or undefined before it is looked up. */
  readonly name: string | Unanswered | undefined;
  /** The port, where it is known. */
  readonly port?: number;
}

/** A client that asks for a service. */
export interface Request {
  /** The name of the service in the tables. */
  readonly daemon: string;
  readonly client: Host;
  readonly server: Host;
  /** The client's user, {@link UNKNOWN}, or undefined before it is asked for (RFC 1413). */
  readonly user: string | undefined;
  /** The answers so far, by {@link answerKey}. */
  readonly answers: ReadonlyMap<string, boolean | Unanswered>;
  /** The process id, for `%p`; undefined before it is asked for. */
  readonly pid: number | undefined;
  /** Whether this process serves more than one connection, which makes `twist` an error. */
  readonly resident: boolean;
}

/** A question whose answer is yes or no. */
export type Question =
  | { readonly kind: "netgroup"; readonly netgroup: string; readonly host: string }
  | { readonly kind: "user account"; readonly name: string }
  | { readonly kind: "group account"; readonly name: string };

/** A fact about the request that the decision needs before it goes on. */
export type Fact =
  | { readonly kind: "client name" }
  | { readonly kind: "process id" }
  | { readonly kind: "server name" }
  /** The client's user, by RFC 1413; `seconds` is the time limit that a rule sets. */
  | { readonly kind: "user"; readonly seconds?: number }
  | Question;

/** The result of a step that needs a fact. */
export interface Needs {
  readonly kind: "needs";
  readonly fact: Fact;
}

export function needs(fact: Fact): Needs {
  return { kind: "needs", fact };
}

/** The key of a question in {@link Request.answers}. */
export function answerKey(question: Question): string {
  return question.kind === "netgroup"
    ? `netgroup\0${question.netgroup}\0${question.host}`
    : `${question.kind}\0${question.name}`;
}

/** Whether an address, a name or a user is {@link UNKNOWN}. */
export function isUnknown(text: string): boolean {
  return equalIgnoringCase(text, UNKNOWN);
}

/** Whether a name was found and is not contradicted by its address. */
export function isKnownName(name: Host["name"]): name is string {
  return typeof name === "string" && !isUnknown(name) && !equalIgnoringCase(name, PARANOID);
}

/**
 * Whether two byte strings are equal but for the case of the letters A to Z, as in strcasecmp(3) of
 * the C locale. toLowerCase() would fold the letters of ISO 8859-1 as well.
 */
export function equalIgnoringCase(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y && foldCase(x) !== foldCase(y)) return false;
  }
  return true;
}

/** The lower case of an ASCII letter; any other byte as it is. */
export function foldCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
