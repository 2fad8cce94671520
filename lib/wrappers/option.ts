/**
 * The options of hosts_options(5): their names, what values they take, and what they ask for.
 */
import { trimBlanks } from "../bytes.ts";
import { FACILITIES, LEVELS } from "../log.ts";
import { expand } from "./expand.ts";
import { delimiterAt } from "./pattern.ts";
import { isWhitespace } from "./table.ts";
import {
  answerKey,
  equalIgnoringCase,
  type Needs,
  needs,
  type Question,
  type Request,
} from "./request.ts";

/** What an option asks for, its value expanded and read. */
export type Effect =
  | {
    readonly option: "severity";
    readonly facility: keyof typeof FACILITIES | undefined;
    readonly level: keyof typeof LEVELS;
  }
  | { readonly option: "spawn" | "twist" | "aclexec"; readonly command: string }
  | { readonly option: "banners"; readonly directory: string }
  | { readonly option: "allow" | "deny" }
  | { readonly option: "keepalive" }
  | { readonly option: "linger"; readonly seconds: number }
  /** `seconds` is undefined for the default time limit. */
  | { readonly option: "rfc931"; readonly seconds: number | undefined }
  | { readonly option: "setenv"; readonly name: string; readonly value: string }
  | { readonly option: "nice"; readonly increment: number }
  | { readonly option: "umask"; readonly mask: number }
  | { readonly option: "user"; readonly user: string; readonly group: string | undefined }
  | { readonly option: "group"; readonly group: string };

/** What is wrong with an option, which denies. */
export interface OptionError {
  readonly kind: "error";
  readonly problem: OptionProblem;
  readonly message: string;
}

/** The kind of mistake. */
type OptionProblem =
  | "no name"
  | "unknown name"
  | "value missing"
  | "value not wanted"
  | "not last"
  | "bad value";

interface OptionDefinition {
  readonly value: "required" | "optional" | "none";
  /** Whether %-letters are expanded in the value. */
  readonly expands?: true;
  /** Whether it must be the last option of its rule. */
  readonly last?: true;
  readonly parse: (value: string, request: Request) => Effect | OptionError | Needs;
}

/** The options by their names. */
export const OPTIONS: Readonly<Record<string, OptionDefinition>> = {
  aclexec: {
    value: "required",
    expands: true,
    parse: (command) => ({ option: "aclexec", command }),
  },
  allow: { value: "none", last: true, parse: () => ({ option: "allow" }) },
  banners: { value: "required", parse: (directory) => ({ option: "banners", directory }) },
  deny: { value: "none", last: true, parse: () => ({ option: "deny" }) },
  group: { value: "required", parse: parseGroup },
  keepalive: { value: "none", parse: () => ({ option: "keepalive" }) },
  linger: { value: "required", parse: parseLinger },
  nice: { value: "optional", parse: parseNice },
  rfc931: { value: "optional", parse: parseRfc931 },
  setenv: { value: "required", expands: true, parse: parseSetenv },
  severity: { value: "required", parse: parseSeverity },
  spawn: { value: "required", expands: true, parse: (command) => ({ option: "spawn", command }) },
  twist: { value: "required", expands: true, last: true, parse: parseTwist },
  umask: { value: "required", parse: parseUmask },
  user: { value: "required", parse: parseUser },
};

/** The names of all options. */
export const OPTION_NAMES: readonly string[] = Object.keys(OPTIONS);

/** An option of a rule. */
interface OptionStep {
  readonly kind: "effect";
  readonly effect: Effect;
  /** The value with its %-letters expanded; undefined where there is none. */
  readonly value: string | undefined;
  /** Mistakes that change nothing, such as an unknown %-letter. */
  readonly warnings: readonly string[];
  /** Where the next option begins. */
  readonly next: number;
}

/**
 * Reads the option that begins at an offset of a rule's third field.
 *
 * Options are read one by one, since one of them (`rfc931`) changes the expansions of the next. Where
 * a fact is needed, the call is repeated once it is known.
 *
 * @param options The text after the second colon of the rule.
 * @param at 0, or `next` of the option before.
 * @param request The facts known now.
 * @param before The facts known when this option was first read.
 */
export function readOption(
  options: string,
  at: number,
  request: Request,
  before: Request = request,
): OptionStep | OptionError | Needs | { readonly kind: "end" } {
  // In tcp_wrappers the field holds its line's newline, so an option follows a last colon.
  const field = fieldAt(`${options}\n`, at);
  if (field === undefined) return { kind: "end" };
  const { name, value } = divide(trimBlanks(field.text));
  if (name === "") return optionError("missing option name", "no name");
  const definition = definitionOf(name);
  if (definition === undefined) return optionError(`bad option name: "${name}"`, "unknown name");
  if (value === undefined && definition.value === "required") {
    return optionError(`option "${name}" requires a value`, "value missing");
  }
  if (value !== undefined && definition.value === "none") {
    return optionError(`option "${name}" takes no value`, "value not wanted");
  }
  if (definition.last && field.next <= options.length) {
    return optionError(`option "${name}" must be the last one`, "not last");
  }

  const warnings: string[] = [];
  let expanded = value;
  if (value !== undefined && definition.expands) {
    const expansion = expand(value, request, before);
    if (expansion.kind === "needs") return expansion;
    if (expansion.kind === "too long") {
      return optionError(`the value of option "${name}" is too long when it is expanded`);
    }
    for (const letter of expansion.unknownLetters) warnings.push(`unrecognized %${letter}`);
    expanded = trimBlanks(expansion.text);
  }
  const effect = definition.parse(expanded ?? "", request);
  if ("kind" in effect) return effect;
  return { kind: "effect", effect, value: expanded, warnings, next: field.next };
}

function definitionOf(name: string): OptionDefinition | undefined {
  for (const known in OPTIONS) if (equalIgnoringCase(known, name)) return OPTIONS[known];
  return undefined;
}

function optionError(message: string, problem: OptionProblem = "bad value"): OptionError {
  return { kind: "error", problem, message };
}

/** The text up to the next colon, in which `\:` stands for a colon; undefined at the end. */
export function fieldAt(
  options: string,
  start: number,
): { readonly text: string; readonly next: number } | undefined {
  if (start >= options.length) return undefined;
  let text = "";
  let at = start;
  while (at < options.length && options[at] !== ":") {
    if (options[at] === "\\" && options[at + 1] === ":") at++;
    text += options[at++]!;
  }
  return { text, next: at + 1 };
}

/** Divides name and value, at blanks or at exactly one `=`. */
function divide(text: string): { readonly name: string; readonly value: string | undefined } {
  let at = 0;
  while (at < text.length && !isWhitespace(text.charCodeAt(at)) && text[at] !== "=") at++;
  const name = text.slice(0, at);
  while (at < text.length && isWhitespace(text.charCodeAt(at))) at++;
  if (text[at] === "=") {
    at++;
    while (at < text.length && isWhitespace(text.charCodeAt(at))) at++;
  }
  return { name, value: at < text.length ? text.slice(at) : undefined };
}

/** A whole decimal number that fits an `int`, or NaN. */
function wholeNumber(text: string): number {
  const value = /^[ \t\n\v\f\r]*[+-]?[0-9]+$/.test(text) ? Number(text) : NaN;
  return value >= -0x80000000 && value <= 0x7fffffff ? value : NaN;
}

function parseLinger(value: string): Effect | OptionError {
  const seconds = wholeNumber(value);
  return seconds >= 0 ? { option: "linger", seconds } : optionError(`bad linger value: "${value}"`);
}

function parseNice(value: string): Effect | OptionError {
  const increment = value === "" ? 10 : wholeNumber(value);
  return Number.isNaN(increment)
    ? optionError(`bad nice value: "${value}"`)
    : { option: "nice", increment };
}

function parseRfc931(value: string, request: Request): Effect | OptionError | Needs {
  const seconds = value === "" ? undefined : wholeNumber(value);
  if (seconds !== undefined && !(seconds > 0)) return optionError(`bad rfc931 timeout: "${value}"`);
  if (request.user === undefined) {
    return needs(seconds === undefined ? { kind: "user" } : { kind: "user", seconds });
  }
  return { option: "rfc931", seconds };
}

function parseUmask(value: string): Effect | OptionError {
  const digits = /^[+-]?([0-7]+)$/.exec(value)?.[1];
  const mask = digits === undefined ? NaN : parseInt(digits, 8);
  // scanf(3) reads a minus sign, which leaves -0 alone in range.
  const inRange = mask <= 0o777 && (mask === 0 || !value.startsWith("-"));
  return inRange ? { option: "umask", mask } : optionError(`bad umask value: "${value}"`);
}

function parseSetenv(text: string): Effect | OptionError {
  let at = 0;
  while (at < text.length && !isWhitespace(text.charCodeAt(at))) at++;
  const name = trimBlanks(text.slice(0, at));
  return name === "" || name.includes("=")
    ? optionError(`bad setenv name: "${name}"`)
    : { option: "setenv", name, value: trimBlanks(text.slice(at)) };
}

function parseTwist(command: string, request: Request): Effect | OptionError {
  return request.resident
    ? optionError("twist option in resident process")
    : { option: "twist", command };
}

/** Facilities that tcp_wrappers does not know. */
const NOT_IN_RULES: readonly string[] = ["syslog", "authpriv", "ftp"];

function parseSeverity(value: string): Effect | OptionError {
  const dot = delimiterAt(value, ".");
  const facilityName = dot < 0 ? undefined : value.slice(0, dot);
  const levelName = value.slice(dot + 1);
  const facility = nameIn(FACILITIES, facilityName ?? "");
  const level = nameIn(LEVELS, levelName);
  if (facilityName !== undefined && (facility === undefined || NOT_IN_RULES.includes(facility))) {
    return optionError(`bad syslog facility: "${facilityName}"`);
  }
  return level === undefined
    ? optionError(`bad syslog level: "${levelName}"`)
    : { option: "severity", facility, level };
}

/** The name of a table's entry, in any case. */
function nameIn<Name extends string>(
  table: Readonly<Record<Name, number>>,
  written: string,
): Name | undefined {
  for (const name in table) if (equalIgnoringCase(name, written)) return name;
  return undefined;
}

function parseUser(value: string, request: Request): Effect | OptionError | Needs {
  const dot = delimiterAt(value, ".");
  const user = dot < 0 ? value : value.slice(0, dot);
  const group = dot < 0 ? undefined : value.slice(dot + 1);
  // The group first, as in tcp_wrappers.
  const problem = (group === undefined ? undefined : accountProblem("group", group, request)) ??
    accountProblem("user", user, request);
  return problem ?? { option: "user", user, group };
}

function parseGroup(group: string, request: Request): Effect | OptionError | Needs {
  return accountProblem("group", group, request) ?? { option: "group", group };
}

function accountProblem(
  of: "user" | "group",
  name: string,
  request: Request,
): OptionError | Needs | undefined {
  if (name === "") return optionError(`unknown ${of}: ""`);
  const question: Question = { kind: `${of} account`, name };
  const exists = request.answers.get(answerKey(question));
  if (exists === undefined) return needs(question);
  return exists === true ? undefined : optionError(`unknown ${of}: "${name}"`);
}
