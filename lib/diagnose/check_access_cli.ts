/** What a command line with `--check-access` asks for. */
type AccessQuestion =
  | {
    readonly kind: "question";
    /** `DAEMON[@SERVER]`; undefined for this agent. */
    readonly daemon: string | undefined;
    /** `[USER@]CLIENT` */
    readonly client: string;
    readonly options: AccessOptions;
  }
  /** No client: the tables are checked. */
  | { readonly kind: "tables"; readonly options: AccessOptions }
  | { readonly kind: "help" }
  | { readonly kind: "usage"; readonly problem: string };

/** The other options. */
export interface AccessOptions {
  /** The path of an nrpe.cfg to consult as well. */
  readonly config: string | undefined;
  /** The tables, where they are not the system's. */
  readonly hostsAllow: string | undefined;
  readonly hostsDeny: string | undefined;
  readonly json: boolean;
  /** Whether the name of a client that is given by its address is looked up. */
  readonly lookup: boolean;
}

/** The synopsis. */
export const ACCESS_USAGE =
  "Usage: nrpe --check-access [-c FILE] [--hosts-allow FILE] [--hosts-deny FILE] [--lookup] [--json]\n" +
  "                           [[DAEMON[@SERVER]] [USER@]CLIENT]\n";

/** What `--help` prints. */
export const ACCESS_HELP = `${ACCESS_USAGE}
Say what hosts.allow and hosts.deny decide for a client, and why; without a client, check these files.
CLIENT is an address, a host name, "unknown" or "paranoid"; without DAEMON this agent is meant.

 -c, --config=FILE       Ask this nrpe.cfg as well: its allowed_hosts, and the tables that it names
     --hosts-allow=FILE  Ask this table instead of /etc/hosts.allow
     --hosts-deny=FILE   Ask this table instead of /etc/hosts.deny
     --lookup            Look up the name of a client that is given by its address, or, without a
                         client, the names in the tables
     --json              Print JSON, one object a line
 -h, --help              Print this text and quit

Exit status: 0 granted, 1 denied, 2 a question that makes no sense; without a client, 1 with an error
in the files and 0 without.
`;

type FileOption = "config" | "hostsAllow" | "hostsDeny";

const FILE_OPTIONS: ReadonlyMap<string, FileOption> = new Map([
  ["--config", "config"],
  ["--hosts-allow", "hostsAllow"],
  ["--hosts-deny", "hostsDeny"],
]);

/** Reads the arguments, without the name of the program. */
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
    if (arg === "-h" || arg === "--help") return { kind: "help" };
    const { file, joined } = fileOption(arg);
    if (file !== undefined) {
      const value = joined ?? args[++at];
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

/** The option that takes a file, if the word is one, and the file if the word holds it. */
function fileOption(arg: string): {
  readonly file?: FileOption | undefined;
  readonly joined?: string;
} {
  if (arg === "-c") return { file: "config" };
  if (arg.startsWith("-c")) return { file: "config", joined: arg.slice(2) };
  const equals = arg.indexOf("=");
  return equals < 0
    ? { file: FILE_OPTIONS.get(arg) }
    : { file: FILE_OPTIONS.get(arg.slice(0, equals)), joined: arg.slice(equals + 1) };
}

function usage(problem: string): AccessQuestion {
  return { kind: "usage", problem };
}
