import type { Config } from "../config/config.ts";
import { expandMacros } from "./macros.ts";

/** What a request's text asks for. */
export type CommandRequest =
  /** The agent's version. */
  | { readonly kind: "version"; readonly name: string }
  | DefinedCommand
  /** A command that nrpe.cfg does not define. */
  | { readonly kind: "undefined command"; readonly name: string }
  /** Something that is not answered. */
  | { readonly kind: "invalid"; readonly reason: RequestError };

/** A command of nrpe.cfg. */
export interface DefinedCommand {
  readonly kind: "command";
  readonly name: string;
  /** Its definition, with the prefix and with macros. */
  readonly definition: string;
  /** The command line to run. */
  readonly line: string;
}

/** Why a request is not answered, in the words that the reference logs. */
type RequestError =
  | "Request contained no query!"
  | "Request contained illegal metachars!"
  | "Request contained command arguments, but argument option is not enabled!"
  | "Request contained a bash command substitution, but they are disallowed!";

/** The request that asks for the version. */
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

/** Checks a request's text by the rules of nrpe.cfg, in the reference's order, and reads it. */
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
  // Runs of exclamation marks separate as one does; there is no empty argument.
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
 * Whether a command line holds a command substitution that is not the definition's own: one that an
 * argument completes, with another argument or with what stands next to it.
 */
function isSubstitutionOf(args: readonly string[], definition: string, line: string): boolean {
  if (args.length === 0 || !line.includes(SUBSTITUTION)) return false;
  // Arguments of the same lengths that mean nothing leave the definition's own.
  const blank = args.map((arg) => "x".repeat(arg.length));
  return count(line, SUBSTITUTION) > count(expandMacros(definition, blank), SUBSTITUTION);
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

function invalid(reason: RequestError): CommandRequest {
  return { kind: "invalid", reason };
}
