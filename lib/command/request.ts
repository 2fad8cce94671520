import type { Config } from "../config/config.ts";
import { expandMacros } from "./macros.ts";

/** What a request's text asks for. */
export type Request =
  /** The agent's version. */
  | { readonly kind: "version" }
  /** A command of nrpe.cfg, as the command line to run. */
  | { readonly kind: "command"; readonly name: string; readonly line: string }
  /** A command that nrpe.cfg does not define. */
  | { readonly kind: "undefined command"; readonly name: string }
  /** Something that is not answered. */
  | { readonly kind: "invalid"; readonly reason: InvalidRequest };

/** Why a request is not answered, in the words that the reference logs. */
export type InvalidRequest =
  | "Request contained no query!"
  | "Request contained illegal metachars!"
  | "Request contained command arguments, but argument option is not enabled!"
  | "Request contained a bash command substitution, but they are disallowed!";

/** The request that asks for the version. */
export const VERSION_REQUEST = "_NRPE_CHECK";

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
export function readRequest(text: string, rules: Rules): Request {
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
  if (name === VERSION_REQUEST) return { kind: "version" };
  const command = rules.commands.get(name);
  if (command === undefined) return { kind: "undefined command", name };
  const prefix = rules.command_prefix === undefined ? "" : `${rules.command_prefix} `;
  return { kind: "command", name, line: expandMacros(prefix + command.line, args) };
}

function invalid(reason: InvalidRequest): Request {
  return { kind: "invalid", reason };
}
