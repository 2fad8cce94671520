import type { Config } from "../config/config.ts";
import { expandMacros } from "./macros.ts";

/** A request, read from its text. */
export type CommandRequest =
  | { readonly kind: "version"; readonly name: string }
  | DefinedCommand
  | { readonly kind: "undefined command"; readonly name: string }
  /** A request that gets no response. */
  | { readonly kind: "invalid"; readonly reason: RequestError };

/** A request for a command of nrpe.cfg. */
export interface DefinedCommand {
  readonly kind: "command";
  readonly name: string;
  /** Its definition with the prefix, before macros are expanded. */
  readonly definition: string;
  readonly line: string;
}

/** Why a request gets no response, in the C agent's words. */
type RequestError =
  | "Request contained no query!"
  | "Request contained illegal metachars!"
  | "Request contained command arguments, but argument option is not enabled!"
  | "Request contained a bash command substitution, but they are disallowed!";

const VERSION_REQUEST = "_NRPE_CHECK";

const MOST_ARGUMENTS = 16;

type Rules = Pick<
  Config,
  | "commands"
  | "nasty_metachars"
  | "dont_blame_nrpe"
  | "allow_bash_command_substitution"
  | "command_prefix"
>;

/** Checks a request's text by nrpe.cfg, in the C agent's order, and reads it. */
export function readRequest(text: string, rules: Rules): CommandRequest {
  if (text === "") return invalid("Request contained no query!");
  for (let at = 0; at < text.length; at++) {
    if (rules.nasty_metachars.includes(text[at]!)) {
      return invalid("Request contained illegal metachars!");
    }
  }
  if (text.includes("!") && !rules.dont_blame_nrpe) {
    return invalid("Request contained command arguments, but argument option is not enabled!");
  }
  // Several exclamation marks in a row separate like one, so no argument is empty.
  let name: string | undefined;
  const args: string[] = [];
  for (const word of text.split("!")) {
    if (word === "" || args.length === MOST_ARGUMENTS) continue;
    if (name === undefined) name = word;
    else if (word.includes("$(") && !rules.allow_bash_command_substitution) {
      return invalid("Request contained a bash command substitution, but they are disallowed!");
    } else args.push(word);
  }
  if (name === undefined) return invalid("Request contained no query!");
  if (name === VERSION_REQUEST) return { kind: "version", name };
  const command = rules.commands.get(name);
  if (command === undefined) return { kind: "undefined command", name };
  const prefix = rules.command_prefix === undefined ? "" : `${rules.command_prefix} `;
  const definition = prefix + command.line;
  const line = expandMacros(definition, args);
  if (!rules.allow_bash_command_substitution && isSubstitutionOf(args, definition, line)) {
    return invalid("Request contained a bash command substitution, but they are disallowed!");
  }
  return { kind: "command", name, definition, line };
}

const SUBSTITUTION = "$(";

/**
 * Whether a command line has a command substitution that the definition has not: one that an argument
 * completes with another argument or with the text next to it.
 */
function isSubstitutionOf(args: readonly string[], definition: string, line: string): boolean {
  if (args.length === 0 || !line.includes(SUBSTITUTION)) return false;
  // With harmless arguments of the same lengths, only the definition's own are left.
  const blank = args.map((arg) => "x".repeat(arg.length));
  return count(line, SUBSTITUTION) > count(expandMacros(definition, blank), SUBSTITUTION);
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

function invalid(reason: RequestError): CommandRequest {
  return { kind: "invalid", reason };
}
