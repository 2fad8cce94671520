import type { CommandDefinition, Config } from "../config/config.ts";
import { expandMacros, expandWords } from "../config/macros.ts";
import type { CommandLine } from "./program.ts";

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
  readonly line: CommandLine;
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
  | "commandSettings"
  | "nasty_metachars"
  | "dont_blame_nrpe"
  | "allow_bash_command_substitution"
  | "command_prefix"
>;

/**
 * Checks a request's text by nrpe.cfg, in the C agent's order, and reads it. What a shell would make of
 * an argument matters only where a shell runs the command.
 */
export function readRequest(text: string, rules: Rules): CommandRequest {
  if (text === "") return invalid("Request contained no query!");
  const nasty = nastyMetacharsFor(text, rules);
  for (let at = 0; at < text.length; at++) {
    if (nasty.includes(text[at]!)) {
      return invalid("Request contained illegal metachars!");
    }
  }
  if (text.includes("!") && !rules.dont_blame_nrpe) {
    return invalid("Request contained command arguments, but argument option is not enabled!");
  }
  // Several exclamation marks in a row separate like one, so no argument is empty.
  let name: string | undefined;
  let command: CommandDefinition | undefined;
  const args: string[] = [];
  for (const word of text.split("!")) {
    if (word === "" || args.length === MOST_ARGUMENTS) continue;
    if (name === undefined) {
      name = word;
      command = rules.commands.get(name);
    } else if (word.includes(SUBSTITUTION) && !maySubstitute(command, rules)) {
      return invalid(SUBSTITUTION_REFUSED);
    } else args.push(word);
  }
  if (name === undefined) return invalid("Request contained no query!");
  if (name === VERSION_REQUEST) return { kind: "version", name };
  if (command === undefined) return { kind: "undefined command", name };
  const prefix = rules.command_prefix === undefined ? "" : `${rules.command_prefix} `;
  const definition = prefix + command.line;
  if (command.words !== undefined) {
    return { kind: "command", name, definition, line: expandWords(command.words, args) };
  }
  const line = expandMacros(definition, args);
  if (!maySubstitute(command, rules) && isSubstitutionOf(args, definition, line)) {
    return invalid(SUBSTITUTION_REFUSED);
  }
  return { kind: "command", name, definition, line };
}

/** The characters that a request may not have: those for its command, or for all. */
export function nastyMetacharsFor(
  text: string,
  { commandSettings, nasty_metachars }: Pick<Rules, "commandSettings" | "nasty_metachars">,
): string {
  if (commandSettings.size === 0) return nasty_metachars;
  const name = text.split("!").find((word) => word !== "") ?? "";
  return commandSettings.get(name)?.command_nasty_metachars ?? nasty_metachars;
}

/** Whether an argument may hold a command substitution: no shell sees it, or nrpe.cfg allows it. */
function maySubstitute(command: CommandDefinition | undefined, rules: Rules): boolean {
  return command?.words !== undefined || rules.allow_bash_command_substitution;
}

const SUBSTITUTION = "$(";
const SUBSTITUTION_REFUSED =
  "Request contained a bash command substitution, but they are disallowed!";

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
