import type { CommandLines } from "./command_lines.ts";
import type { CommandDefinition } from "./config.ts";
import { parseLine } from "./parse_line.ts";

/** Reads all commands of lines and definitions, in the order of the configuration. */
export function readCommands(
  definitions: readonly (CommandLines | CommandDefinition)[],
): Map<string, CommandDefinition> {
  const commands = new Map<string, CommandDefinition>();
  for (const one of definitions) {
    if ("text" in one) addAll(commands, one);
    else commands.set(one.name, one);
  }
  return commands;
}

function addAll(commands: Map<string, CommandDefinition>, lines: CommandLines): void {
  const { file, text, end } = lines;
  let { line } = lines;
  for (let at = lines.start; at < end && at < text.length; line++) {
    const newline = text.indexOf("\n", at);
    const parsed = parseLine(text.slice(at, newline < 0 ? text.length : newline));
    if (parsed.kind === "command") {
      const { name, value } = parsed;
      commands.set(name, { name, line: value, position: { file, line } });
    }
    at = newline < 0 ? text.length : newline + 1;
  }
}
