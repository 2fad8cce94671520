/** What a command line with `--check-access` asks. */
export type AccessQuestion =
  | {
    readonly kind: "question";
    /** `DAEMON[@SERVER]`; undefined where none is named, and the agent itself is meant. */
    readonly daemon: string | undefined;
    /** `[USER@]CLIENT` */
    readonly client: string;
    readonly options: AccessOptions;
  }
  /** Nobody in particular: the tables themselves are to be checked. */
  | { readonly kind: "tables"; readonly options: AccessOptions }
  | { readonly kind: "usage"; readonly problem: string };

/** The options beside `--check-access`. */
export interface AccessOptions {
  /** nrpe.cfg, whose allowed_hosts is then asked as well; undefined where none is named. */
  readonly config: string | undefined;
  /** The tables, where others than the system's are named. */
  readonly hostsAllow: string | undefined;
  readonly hostsDeny: string | undefined;
  readonly json: boolean;
  /** Whether the name of a client that is given by its address is looked up. */
  readonly lookup: boolean;
}

/** How the words are given. */
export const ACCESS_USAGE =
  "Usage: nrpe --check-access [-c FILE] [--hosts-allow FILE] [--hosts-deny FILE] [--lookup] [--json]\n" +
  "                           [[DAEMON[@SERVER]] [USER@]CLIENT]\n";

type FileOption = "config" | "hostsAllow" | "hostsDeny";

const FILE_OPTIONS: Readonly<Record<string, FileOption>> = {
  "-c": "config",
  "--config": "config",
  "--hosts-allow": "hostsAllow",
  "--hosts-deny": "hostsDeny",
};

/** Reads the arguments of the program, without its name. */
export function parseAccessQuestion(args: readonly string[]): AccessQuestion {
  const files: Partial<Record<FileOption, string>> = {};
  const words: string[] = [];
  let json = false;
  let lookup = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
    const file = FILE_OPTIONS[equals < 0 ? arg : arg.slice(0, equals)];
    if (file !== undefined) {
      const value = equals < 0 ? args[++at] : arg.slice(equals + 1);
      if (value === undefined) return usage(`${arg} needs the name of a file`);
      files[file] = value;
    } else if (arg === "--json") json = true;
    else if (arg === "--lookup") lookup = true;
    else if (arg.startsWith("-") && arg !== "--check-access") return usage(`unknown option ${arg}`);
    else if (arg !== "--check-access") words.push(arg);
  }
  if (words.length > 2) return usage(`${words.length} words where one or two are expected`);
  const options = {
    config: files.config,
    hostsAllow: files.hostsAllow,
    hostsDeny: files.hostsDeny,
    json,
    lookup,
  };
  const client = words.at(-1);
  if (client === undefined) return { kind: "tables", options };
  return {
    kind: "question",
    daemon: words.length === 2 ? words[0]! : undefined,
    client,
    options,
  };
}

function usage(problem: string): AccessQuestion {
  return { kind: "usage", problem };
}
