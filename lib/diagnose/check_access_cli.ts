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
  /** A command that the client asks for. */
  readonly command: string | undefined;
  /** The names of the certificate that the client presents, as text. */
  readonly subject: string | undefined;
  /** Whether the name of a client that is given by its address is looked up. */
  readonly lookup: boolean;
}

/** The synopsis. */
export const ACCESS_USAGE =
  "Usage: nrpe --check-access [-c FILE] [--hosts-allow FILE] [--hosts-deny FILE] [--lookup] [--json]\n" +
  "                           [--command NAME] [--subject NAMES] [[DAEMON[@SERVER]] [USER@]CLIENT]\n";

/** What `--help` prints. */
export const ACCESS_HELP = `${ACCESS_USAGE}
Say what hosts.allow and hosts.deny decide for a client, and why; without a client, check these files.
CLIENT is an address, a host name, "unknown" or "paranoid"; without DAEMON this agent is meant.

 -c, --config=FILE       Ask this nrpe.cfg as well: its allowed_hosts, and the tables that it names
     --hosts-allow=FILE  Ask this table instead of /etc/hosts.allow
     --hosts-deny=FILE   Ask this table instead of /etc/hosts.deny
     --command=NAME      Say as well whether the client may ask for this command of nrpe.cfg
     --subject=NAMES     The certificate that the client presents: CN=mon.example,DNS:mon.example
     --lookup            Look up the name of a client that is given by its address, or, without a
                         client, the names in the tables
     --json              Print JSON, one object a line
 -h, --help              Print this text and quit

Exit status: 0 granted, 1 denied by the tables, or with --command or --subject by nrpe.cfg, 2 a
question that makes no sense; without a client, 1 with an error in the files and 0 without.
`;

type ValueOption = "config" | "hostsAllow" | "hostsDeny" | "command" | "subject";

const VALUE_OPTIONS: ReadonlyMap<string, ValueOption> = new Map([
  ["--config", "config"],
  ["--hosts-allow", "hostsAllow"],
  ["--hosts-deny", "hostsDeny"],
  ["--command", "command"],
  ["--subject", "subject"],
]);

/** Reads the arguments, without the name of the program. */
export function parseAccessQuestion(args: readonly string[]): AccessQuestion {
  const values: Partial<Record<ValueOption, string>> = {};
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
    const { option, joined } = valueOption(arg);
    if (option !== undefined) {
      const value = joined ?? args[++at];
      if (value === undefined) {
        return usage(`${arg} needs ${NEEDED[option] ?? "the name of a file"}`);
      }
      values[option] = value;
    } else if (arg === "--json") json = true;
    else if (arg === "--lookup") lookup = true;
    else if (arg.startsWith("-") && arg !== "--check-access") return usage(`unknown option ${arg}`);
    else if (arg !== "--check-access") words.push(arg);
  }
  if (words.length > 2) return usage(`${words.length} words where one or two are expected`);
  const options = {
    config: values.config,
    hostsAllow: values.hostsAllow,
    hostsDeny: values.hostsDeny,
    json,
    command: values.command,
    subject: values.subject,
    lookup,
  };
  const client = words.at(-1);
  for (const option of ["command", "subject"] as const) {
    if (values[option] === undefined) continue;
    if (values.config === undefined) return usage(`--${option} needs an nrpe.cfg: -c FILE`);
    if (client === undefined) return usage(`--${option} needs a client`);
  }
  if (client === undefined) return { kind: "tables", options };
  return {
    kind: "question",
    daemon: words.length === 2 ? words[0]! : undefined,
    client,
    options,
  };
}

const NEEDED: Partial<Readonly<Record<ValueOption, string>>> = {
  command: "the name of a command",
  subject: "names",
};

/** The option that takes a value, if the word is one, and the value if the word holds it. */
function valueOption(arg: string): {
  readonly option?: ValueOption | undefined;
  readonly joined?: string;
} {
  if (arg === "-c") return { option: "config" };
  if (arg.startsWith("-c")) return { option: "config", joined: arg.slice(2) };
  const equals = arg.indexOf("=");
  return equals < 0
    ? { option: VALUE_OPTIONS.get(arg) }
    : { option: VALUE_OPTIONS.get(arg.slice(0, equals)), joined: arg.slice(equals + 1) };
}

function usage(problem: string): AccessQuestion {
  return { kind: "usage", problem };
}
