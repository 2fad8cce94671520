/** nrpe.cfg for a process that runs one command: it stays small, and what is rare is loaded later. */
import { type CommandLines, findCommand } from "./command_lines.ts";
import type { CommandDefinition, Commands, Config } from "./config.ts";
import { type ConfigFiles, type Draft, finish, newDraft } from "./draft.ts";
import { checkSubjects, readFirst } from "./read_config.ts";

/** Commands that are not read, with those that had to be, in their order. */
type Unread = readonly (CommandLines | CommandDefinition)[];

/**
 * Does what loadConfig() does for a process that runs one command: the others are not read, unless
 * they are to be split into words. Warnings are not kept.
 * @returns undefined where there are errors, or everything is to be logged: loadConfig() has it.
 */
export function loadForOneCommand(
  path: string,
  files: ConfigFiles,
): Config | undefined | Promise<Config | undefined> {
  const unread: (CommandLines | CommandDefinition)[] = [];
  const draft = newDraft(files, undefined, unread);
  readFirst(draft, path);
  if (draft.settings.ssl_allowed_subjects !== undefined) checkSubjects(draft);
  if (hasArgumentRules(draft)) return splitAll(draft, unread);
  return settled(draft, { get: (name) => findCommand(unread, name) });
}

function settled(draft: Draft, commands: Commands): Config | undefined {
  if (draft.errors.length > 0) return undefined;
  const config = finish(draft, commands);
  return config.debug ? undefined : config;
}

/** Whether a command may run without a shell, or has a rule that presumes it. */
function hasArgumentRules({ settings, commandSettings }: Draft): boolean {
  if (settings.argument_mode === "argv") return true;
  // The first use of an iterator costs something.
  if (commandSettings.size === 0) return false;
  for (const { command_argument_mode, command_nasty_metachars } of commandSettings.values()) {
    if (command_argument_mode === "argv" || command_nasty_metachars !== undefined) return true;
  }
  return false;
}

/** A definition that cannot be split is an error whichever command is asked for, so all are read. */
async function splitAll(draft: Draft, unread: Unread): Promise<Config | undefined> {
  const { splitCommands } = await import("./argument_mode.ts");
  const { readCommands } = await import("./read_commands.ts");
  const commands = readCommands(unread);
  splitCommands(draft, commands);
  return settled(draft, commands);
}
