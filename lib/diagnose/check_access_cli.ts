import { type OptionSpec, readOptions } from "../options.ts";

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

/** The options, with the one that asks for this tool. */
export const ACCESS_OPTIONS = [
  { name: "check-access" },
  { letter: "c", name: "config", value: true },
  { name: "hosts-allow", value: true },
  { name: "hosts-deny", value: true },
  { name: "command", value: true },
  { name: "subject", value: true },
  { name: "lookup" },
  { name: "json" },
  { letter: "h", name: "help" },
] as const satisfies readonly OptionSpec<string>[];

/** Reads the arguments, without the name of the program. */
export function parseAccessQuestion(args: readonly string[]): AccessQuestion {
  const given = readOptions<typeof ACCESS_OPTIONS[number]["name"]>(ACCESS_OPTIONS, args);
  if (given.kind === "problem") return usage(given.problem);
  const values = new Map(given.options.map(({ name, value }) => [name, value]));
  if (values.has("help")) return { kind: "help" };
  const { words } = given;
  if (words.length > 2) return usage(`${words.length} words where one or two are expected`);
  const options = {
    config: values.get("config"),
    hostsAllow: values.get("hosts-allow"),
    hostsDeny: values.get("hosts-deny"),
    json: values.has("json"),
    command: values.get("command"),
    subject: values.get("subject"),
    lookup: values.has("lookup"),
  };
  const client = words.at(-1);
  for (const option of ["command", "subject"] as const) {
    if (!values.has(option)) continue;
    if (!values.has("config")) return usage(`--${option} needs an nrpe.cfg: -c FILE`);
    if (client === undefined) return usage(`--${option} needs a client`);
  }
  if (client === undefined) return { kind: "tables", options };
  const daemon = words.length === 2 ? words[0]! : undefined;
  return { kind: "question", daemon, client, options };
}

function usage(problem: string): AccessQuestion {
  return { kind: "usage", problem };
}
