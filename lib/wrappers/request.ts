/**
 * Who asks for what: the request that the tables are searched for, and facts that may be missing.
 *
 * All texts are byte strings. As in hosts_access(5) an address or name that cannot be found out is
 * the text `unknown`, and a name that contradicts its address is the text `paranoid`; the wildcards
 * of those names are nothing but these texts.
 */

/** What an unknown address, name or user is called. */
export const UNKNOWN = "unknown";
/** What the name of a host is called whose name and address contradict each other. */
export const PARANOID = "paranoid";

/**
 * The answer to a question that could not be put, or was not answered in time; which is not to say
 * that there is no such name.
 */
export interface Unanswered {
  /** Why, in words. */
  readonly unanswered: string;
}

/** One end of the connection. */
export interface Host {
  /** The address in text form, or {@link UNKNOWN}. */
  readonly address: string;
  /** The name, {@link UNKNOWN}, {@link PARANOID}, or undefined while nobody has looked it up. */
  readonly name: string | Unanswered | undefined;
  /** The port, where it is known. */
  readonly port?: number;
}

/** What the decision is about. */
export interface Request {
  /** The name of the service. */
  readonly daemon: string;
  readonly client: Host;
  readonly server: Host;
  /** The client's user, {@link UNKNOWN}, or undefined while nobody has asked (RFC 1413). */
  readonly user: string | undefined;
  /** Netgroup memberships and accounts asked for so far, by {@link answerKey}. */
  readonly answers: ReadonlyMap<string, boolean | Unanswered>;
  /** The process id, for `%p`; undefined until it is asked for. */
  readonly pid: number | undefined;
  /** Whether this process serves more than one connection, which makes `twist` an error. */
  readonly resident: boolean;
}

/** A question whose answer is a plain yes or no. */
export type Question =
  | { readonly kind: "netgroup"; readonly netgroup: string; readonly host: string }
  | { readonly kind: "user account"; readonly name: string }
  | { readonly kind: "group account"; readonly name: string };

/** Something about the request that has to be found out before the decision can go on. */
export type Fact =
  | { readonly kind: "client name" }
  | { readonly kind: "process id" }
  | { readonly kind: "server name" }
  /** The client's user, by RFC 1413; `seconds` is the time limit that a rule sets. */
  | { readonly kind: "user"; readonly seconds?: number }
  | Question;

/** The answer of a step that cannot go on without a fact. */
export interface Needs {
  readonly kind: "needs";
  readonly fact: Fact;
}

/** Makes the answer of a step that cannot go on without `fact`. */
export function needs(fact: Fact): Needs {
  return { kind: "needs", fact };
}

/** Where the answer to a question stands in {@link Request.answers}. */
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
 * Whether two byte strings are equal but for the case of the letters A to Z.
 *
 * Not by toLowerCase(): that folds the letters of ISO 8859-1 as well, which strcasecmp(3) in the C
 * locale leaves alone.
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
