/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "version" | "help" | "license" }
  /** Wrong arguments; `problem` says why. */
  | { readonly kind: "usage"; readonly problem: string }
  /** Answering the questions to the name services that another process of this program asks. */
  | { readonly kind: "look up" }
  | Serve;

/** How the agent is to serve. */
export interface Serve {
  readonly kind: "serve";
  readonly mode: Mode;
  readonly config: string;
  readonly tls: boolean;
  /** undefined where nrpe.cfg decides. */
  readonly family: 4 | 6 | undefined;
  /** Whether a daemon changes its working directory to `/`. */
  readonly changeDirectory: boolean;
}

/** Where connections come from: inherited, or accepted in the background or the foreground. */
export type Mode = "inetd" | "daemon" | "foreground";

/** Answers questions to the name services that come on standard input, see lib/access/look_up.ts. */
export const LOOK_UP_OPTION = "--look-up";

/** What is wrong with a command line that says nowhere how to serve. */
export const NO_MODE = "no mode is given: one of -i, -d, -f, -s";

/** Options that make this file another program. The first one on the command line counts. */
export const TOOL_OPTIONS: readonly string[] = [
  "--check-access",
  "--check-config",
  "--doctor",
  "--probe",
  "--run",
  "--wrap",
];

/** Names of the started file that make it another program. */
export const PROGRAMS: readonly string[] = ["check_nrpe", "tcpd", "tcpdmatch", "tcpdchk"];

/** The default configuration file, in the working directory, as for the C agent. */
const DEFAULT_CONFIG = "nrpe.cfg";

type Option =
  | "version"
  | "help"
  | "license"
  | "no-ssl"
  | "config"
  | "inetd"
  | "daemon"
  | "no-forking"
  | "src"
  | "ipv4"
  | "ipv6"
  | "dont-chdir";

/** The long options of the agent's own command line by their letters; each has one. */
export const LETTERS: Readonly<Record<string, Option>> = {
  V: "version",
  h: "help",
  l: "license",
  n: "no-ssl",
  c: "config",
  i: "inetd",
  d: "daemon",
  f: "no-forking",
  s: "src",
  "4": "ipv4",
  "6": "ipv6",
  C: "dont-chdir",
};

interface ParsedOptions {
  text: "version" | "help" | "license" | undefined;
  mode: Mode | undefined;
  config: string;
  tls: boolean;
  family: 4 | 6 | undefined;
  changeDirectory: boolean;
}

/**
 * Reads the arguments of the agent's own command line, without the program's name.
 *
 * The rules are those of getopt_long(3): short options may be joined, long ones abbreviated where that
 * is unambiguous, and other words are ignored.
 */
export function parseCommandLine(args: readonly string[]): Invocation {
  if (args[0] === LOOK_UP_OPTION) return { kind: "look up" };
  const given = noOptions();
  const problem = readOptions(args, given);
  if (problem !== undefined) return { kind: "usage", problem };
  const { text, mode, config, tls, family, changeDirectory } = given;
  if (text !== undefined) return { kind: text };
  if (mode === undefined) {
    return { kind: "usage", problem: NO_MODE };
  }
  return { kind: "serve", mode, config, tls, family, changeDirectory };
}

/** The options of the agent on the command line of another program of this file, and other words. */
export type ToolOptions =
  | { readonly kind: "usage"; readonly problem: string }
  | (ParsedOptions & { readonly kind: "options"; readonly words: readonly string[] });

/** Reads the agent's options where no mode is required and other words count. */
export function parseToolOptions(args: readonly string[]): ToolOptions {
  const given = noOptions();
  const words: string[] = [];
  const problem = readOptions(args, given, words);
  return problem === undefined ? { kind: "options", ...given, words } : { kind: "usage", problem };
}

function noOptions(): ParsedOptions {
  return {
    text: undefined,
    mode: undefined,
    config: DEFAULT_CONFIG,
    tls: true,
    family: undefined,
    changeDirectory: true,
  };
}

/** Takes an option. Of several modes the last counts, but the foreground is kept. */
function takeOption(given: ParsedOptions, option: Option, value: string): void {
  switch (option) {
    case "version":
    case "help":
    case "license":
      given.text ??= option;
      break;
    case "config":
      given.config = value;
      break;
    case "no-ssl":
      given.tls = false;
      break;
    case "inetd":
      given.mode = "inetd";
      break;
    case "daemon":
      if (given.mode !== "foreground") given.mode = "daemon";
      break;
    case "no-forking":
    case "src":
      given.mode = "foreground";
      break;
    case "ipv4":
    case "ipv6":
      given.family = option === "ipv4" ? 4 : 6;
      break;
    case "dont-chdir":
      given.changeDirectory = false;
  }
}

/**
 * Reads all options; returns what is wrong.
 * @param words Receives the other words.
 */
function readOptions(
  args: readonly string[],
  given: ParsedOptions,
  words?: string[],
): string | undefined {
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word === "--") {
      words?.push(...args.slice(at + 1));
      return undefined;
    }
    if (!word.startsWith("-") || word === "-") {
      words?.push(word);
      continue;
    }
    const next = args[at + 1];
    const read = word.startsWith("--")
      ? readLong(word.slice(2), next, given)
      : readLetters(word.slice(1), next, given);
    if (read.kind === "problem") return read.problem;
    if (read.kind === "with next") at++;
  }
  return undefined;
}

/** Whether an option was read alone, or with the next word as its value. */
type WordRead =
  | { readonly kind: "alone" | "with next" }
  | { readonly kind: "problem"; readonly problem: string };

function wrong(problem: string): WordRead {
  return { kind: "problem", problem };
}

function readLong(word: string, next: string | undefined, given: ParsedOptions): WordRead {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word : word.slice(0, equals);
  const found = optionsBeginning(name);
  const [option] = found;
  if (option === undefined) return wrong(`unrecognized option '--${name}'`);
  if (found.length > 1) return wrong(`option '--${name}' is ambiguous: ${found.join(", ")}`);
  if (option !== "config") {
    if (equals >= 0) return wrong(`option '--${option}' doesn't allow an argument`);
    takeOption(given, option, "");
    return { kind: "alone" };
  }
  const value = equals >= 0 ? word.slice(equals + 1) : next;
  if (value === undefined) return wrong("option '--config' requires an argument");
  takeOption(given, option, value);
  return { kind: equals >= 0 ? "alone" : "with next" };
}

/** The option with a name, or all options that the name abbreviates. */
function optionsBeginning(name: string): readonly Option[] {
  const found: Option[] = [];
  for (const letter in LETTERS) {
    const option = LETTERS[letter]!;
    if (option === name) return [option];
    if (option.startsWith(name)) found.push(option);
  }
  return found;
}

function readLetters(letters: string, next: string | undefined, given: ParsedOptions): WordRead {
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at]!;
    const option = LETTERS[letter];
    if (option === undefined) return wrong(`invalid option -- '${letter}'`);
    if (option !== "config") {
      takeOption(given, option, "");
      continue;
    }
    const joined = at + 1 < letters.length;
    const value = joined ? letters.slice(at + 1) : next;
    if (value === undefined) return wrong(`option requires an argument -- '${letter}'`);
    takeOption(given, option, value);
    return { kind: joined ? "alone" : "with next" };
  }
  return { kind: "alone" };
}
