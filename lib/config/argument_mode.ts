import type { CommandDefinition, Config, Position } from "./config.ts";
import { splitDefinition, type Splitting } from "./definition_words.ts";
import type { Word } from "./macros.ts";
import { at, type Draft, finish, report, shortened } from "./draft.ts";
import type { ArgumentMode } from "./settings.ts";

/** How a command gets its arguments. */
export function argumentModeOf(
  { argument_mode, commandSettings }: Pick<Config, "argument_mode" | "commandSettings">,
  name: string,
): ArgumentMode {
  return commandSettings.get(name)?.command_argument_mode ?? argument_mode;
}

/**
 * Splits the definitions of commands that run without a shell into words, the prefix before them. One
 * that cannot be split is an error, and so is a rule that is safe for such commands alone.
 */
export function splitCommands(draft: Draft, commands: Map<string, CommandDefinition>): void {
  const config = finish(draft, commands);
  const { command_prefix: prefix } = config;
  let prefixWords: readonly Word[] | undefined;
  for (const [name, definition] of commands) {
    if (argumentModeOf(config, name) !== "argv") continue;
    const { line, position } = definition;
    if (prefix !== undefined && prefixWords === undefined) {
      const where = draft.positions.get("command_prefix")!;
      const splitting = splitDefinition(prefix, true);
      prefixWords = wordsOf(draft, splitting, where, "command_prefix") ?? [];
    }
    const splitting = splitDefinition(line, prefix === undefined);
    const words = wordsOf(draft, splitting, position, `command[${name}]`);
    if (words === undefined) continue;
    commands.set(name, { ...definition, words: [...prefixWords ?? [], ...words] });
  }
  for (const [name, { positions, command_nasty_metachars }] of config.commandSettings) {
    if (command_nasty_metachars === undefined || argumentModeOf(config, name) === "argv") continue;
    const position = positions.get("command_nasty_metachars")!;
    const label = shortened(`command_nasty_metachars[${name}]`);
    const needed = shortened(`command_argument_mode[${name}]`);
    const message =
      `${at(position, `Invalid ${label} specified`)}: it needs ${needed}=argv, since ` +
      "a shell would act upon such characters";
    report(draft, "error", "invalid-command-directive", position, message);
  }
}

function wordsOf(
  draft: Draft,
  splitting: Splitting,
  position: Position,
  label: string,
): readonly Word[] | undefined {
  if (splitting.kind === "words") return splitting.words;
  const { kind, reason } = splitting;
  const why = kind === "broken" ? reason : `argument_mode=argv runs no shell, and ${reason}`;
  const message = `${at(position, `Invalid ${shortened(label)} specified`)}: ${why}`;
  report(draft, "error", "shell-needed", position, message);
  return undefined;
}
