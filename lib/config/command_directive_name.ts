import { trimBlanks } from "../bytes.ts";
import { nearest } from "../nearest.ts";
import {
  COMMAND_DIRECTIVES,
  type CommandDirectiveName,
  type DirectiveName,
  DIRECTIVES,
} from "./settings.ts";

/** What stands before the `=` of a line that is no directive for all commands. */
type CommandDirectiveReading =
  | {
    readonly kind: "about a command";
    readonly name: CommandDirectiveName;
    readonly command: string;
  }
  | { readonly kind: "error"; readonly reason: string }
  /** Nothing that this agent, or a later one, could take for a directive about one command. */
  | { readonly kind: "unknown" };

/** Names that begin so and have brackets are for directives about one command, known or not. */
const FAMILY = "command_";

/**
 * Reads `NAME[command]`. Such a directive may restrict its command, so a name that is not written
 * exactly so, or that is not known and may have been meant, is an error: ignored, it would restrict
 * nothing.
 */
export function readCommandDirectiveName(left: string): CommandDirectiveReading {
  const bracket = left.indexOf("[");
  const base = bracket < 0 ? left : left.slice(0, bracket);
  if (isCommandDirective(base)) return readBrackets(left, base, bracket);
  for (const known in COMMAND_DIRECTIVES) if (left.includes(known)) return malformed(known);
  if (bracket < 0) return { kind: "unknown" };
  const name = trimBlanks(base);
  if (isDirective(name)) {
    const own = `${FAMILY}${name}`;
    const cure = isCommandDirective(own) ? `; for one it is ${own}[command]` : "";
    return error(`${name} is for all commands and has no brackets${cure}`);
  }
  const known = nearest(name, Object.keys(COMMAND_DIRECTIVES));
  if (known !== undefined) {
    return error(`there is no such directive (did you mean ${known}[command]?)`);
  }
  return name.startsWith(FAMILY)
    ? error("there is no such directive about one command")
    : { kind: "unknown" };
}

function readBrackets(
  left: string,
  name: CommandDirectiveName,
  bracket: number,
): CommandDirectiveReading {
  const end = left.length - 1;
  const command = left.slice(bracket + 1, end);
  const isRegular = bracket >= 0 && left[end] === "]" && command !== "" &&
    command === trimBlanks(command) && !command.includes("[") && !command.includes("]");
  return isRegular ? { kind: "about a command", name, command } : malformed(name);
}

function malformed(name: string): CommandDirectiveReading {
  return error(
    `it is written ${name}[command], without blanks beside the brackets or others within them`,
  );
}

function error(reason: string): CommandDirectiveReading {
  return { kind: "error", reason };
}

/** Not by Object.hasOwn(), whose first use takes ten page faults. */
export function isDirective(name: string): name is DirectiveName {
  for (const known in DIRECTIVES) if (known === name) return true;
  return false;
}

function isCommandDirective(name: string): name is CommandDirectiveName {
  for (const known in COMMAND_DIRECTIVES) if (known === name) return true;
  return false;
}
