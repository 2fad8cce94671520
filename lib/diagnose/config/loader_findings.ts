/** The loader's findings in the form of those about tables: with the place in the line and what to do. */
import { trimBlanks } from "../../bytes.ts";
import type { Finding } from "../../config/config.ts";
import type { Directive } from "../../config/directive.ts";
import { parseLine } from "../../config/parse_line.ts";
import { type DirectiveName, DIRECTIVES } from "../../config/settings.ts";
import { nearest } from "../../nearest.ts";
import type { PlacedProblem } from "./catalogue.ts";
import { statusOf } from "../../system/path_status.ts";

/** Where packages put nrpe.cfg. */
const USUAL_FILES = [
  ...["/etc/nagios/nrpe.cfg", "/etc/nrpe.cfg", "/etc/nrpe/nrpe.cfg"],
  "/usr/local/nagios/etc/nrpe.cfg",
];

/**
 * Adds what to do.
 * @param lineOf The text of a line; empty where it is not known.
 */
export function explainFindings(
  findings: readonly Finding[],
  lineOf: (position: Finding["position"]) => string,
): readonly PlacedProblem[] {
  return findings.map(({ severity, code, position, message }) => {
    const suggestion = suggestionFor(code, trimBlanks(lineOf(position)), position.file);
    return {
      severity,
      code,
      message,
      position,
      ...(suggestion === undefined ? {} : { suggestion }),
    };
  });
}

function suggestionFor(code: Finding["code"], line: string, file: string): string | undefined {
  const parsed = parseLine(line);
  const named = parsed.kind === "directive" || parsed.kind === "command" ? parsed : undefined;
  switch (code) {
    case "unknown-directive": {
      const known = nearest(named?.name ?? "", KNOWN);
      return known === undefined ? "remove the line" : `write ${known}=${named?.value}`;
    }
    case "invalid-value":
      return named && suggestDefault(named.name);
    case "invalid-command-directive":
      return "write NAME[COMMAND]=VALUE with a name of docs/operation.md, or remove the line";
    case "shell-needed":
      return suggestShell(parsed.kind === "command" ? parsed.name : "NAME");
    case "undefined-command":
      return "correct the name of the command, or remove the line";
    case "misread-value":
      return named && suggestReading(named.name, named.value);
    case "misread-name":
      return parsed.kind === "command"
        ? `write command[${parsed.name}]=${parsed.value}`
        : named && `write ${named.name}=${named.value}`;
    case "duplicate-command":
      return "remove one of the two, or give it another name";
    case "invalid-command":
      return "write command[NAME]=LINE";
    case "invalid-line":
      return suggestLine(line);
    case "line-too-long":
      return "put what it does into a script, and call that";
    case "nagios-objects":
      return "keep definitions of objects on the monitoring server; a command here is command[NAME]=LINE";
    case "nul-byte":
      return `if it is UTF-16, iconv -f UTF-16 -t UTF-8 ${file}`;
    case "include-missing":
      return "create it, or remove the line";
    case "include-unreadable":
      return "let the agent's user read it: chmod o+r, and o+x for the directories on the way";
    case "include-cycle":
      return "remove the line";
    case "config-unreadable": {
      const other = USUAL_FILES.find((path) => path !== file && statusOf(path)?.isFile());
      return other === undefined ? undefined : `name another file: -c ${other}`;
    }
    case "more-warnings":
      return undefined;
  }
}

const KNOWN = [...Object.keys(DIRECTIVES), "include", "include_dir", "include_file"];

function isKnown(name: string): name is DirectiveName {
  return Object.hasOwn(DIRECTIVES, name);
}

function suggestDefault(name: string): string {
  const value = isKnown(name) ? plainValue(DIRECTIVES[name].byDefault) : undefined;
  // Without a line that restricts, everybody may do what it keeps others from.
  if (value === undefined && /_allowed_/.test(name)) return "correct the list";
  return value === undefined ? "remove the line" : `write ${name}=${value}, which is the default`;
}

/** The value that a text was read as, where nrpe.cfg has a plain form of it. */
function suggestReading(name: string, text: string): string | undefined {
  if (!isKnown(name)) return undefined;
  const { read }: Directive<unknown> = DIRECTIVES[name];
  const reading = read(text);
  if (reading.kind === "value" && reading.value === false && /^(y|t|on|enable)/i.test(text)) {
    return `write ${name}=1 for yes`;
  }
  const value = reading.kind === "value" ? plainValue(reading.value) : undefined;
  return value === undefined ? undefined : `write ${name}=${value}`;
}

/** What to do with a line that no shell may run. */
function suggestShell(name: string): string {
  return "quote what is meant as it stands, or put the line into a script, or leave it to a shell: " +
    `command_argument_mode[${name}]=shell`;
}

function plainValue(value: unknown): string | undefined {
  if (typeof value === "boolean") return value ? "1" : "0";
  return typeof value === "number" || typeof value === "string" ? String(value) : undefined;
}

/** What a line without `=`, or without a side of it, may have meant. */
function suggestLine(line: string): string {
  const [, word = "", rest = ""] = /^([A-Za-z_]+)[ \t:]+(.*)$/.exec(line) ?? [];
  const known = nearest(word, KNOWN);
  if (known !== undefined && rest !== "") return `write ${known}=${rest}`;
  return line.endsWith("=") ? "give it a value, or remove the line" : "put a # before a comment";
}
