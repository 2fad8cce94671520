import { argumentModeOf } from "../../config/argument_mode.ts";
import type { CommandDefinition, Config } from "../../config/config.ts";
import { splitDefinition } from "../../config/definition_words.ts";
import { partsOf } from "../../config/macros.ts";
import { type PlacedProblem, problemAt } from "./catalogue.ts";

/**
 * Says of a command whose arguments clients choose and a shell reads whether it could do without the
 * shell. Of others there is nothing to say.
 */
export function adviseOnArguments(
  { name, line, position }: CommandDefinition,
  config: Config,
): readonly PlacedProblem[] {
  if (!config.dont_blame_nrpe || argumentModeOf(config, name) === "argv") return [];
  const number = partsOf(line).find((part) => typeof part === "number");
  if (number === undefined) return [];
  const prefix = config.command_prefix;
  const splittings = prefix === undefined
    ? [splitDefinition(line, true)]
    : [splitDefinition(prefix, true), splitDefinition(line, false)];
  const values = { name, macro: `$ARG${number}$` };
  for (const splitting of splittings) {
    if (splitting.kind === "words") continue;
    return [problemAt(position, "shell-used", { ...values, reason: splitting.reason })];
  }
  return [problemAt(position, "argv-would-do", values)];
}
