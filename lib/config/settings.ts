import { parseAllowedHosts } from "./allowed_hosts.ts";
import type { AllowedHost } from "./allowed_hosts.ts";
import { FACILITIES } from "../log.ts";
import {
  type Directive,
  flag,
  leadingNumber,
  list,
  readAs,
  type Reading,
  refined,
  text,
  wholeNumber,
  word,
} from "./directive.ts";
import { readSubjects, type SubjectPattern } from "./subjects.ts";
import { readTlsVersions, TLS_DEFAULT } from "./tls_versions.ts";
import { unescape } from "./unescape.ts";

/** Characters that are not allowed in requests by default. */
const NASTY_METACHARS = "|`&><'\\[]{};\r\n";

/** INT_MAX: the C agent reads numbers into an `int`. */
const MOST = 0x7fffffff;

/** How the arguments of a request reach a plugin: through a shell, or each as an argument of its own. */
export type ArgumentMode = "shell" | "argv";

const ARGUMENT_MODES = { shell: "shell", argv: "argv" } as const;

/**
 * A monitoring server that has been started anew asks for hundreds of checks at once, and the kernel
 * has those wait a second for which there is no room. Linux limits the length to 4096 by default.
 */
const QUEUE_SIZE = 1024;

const seconds = { least: 1, most: MOST, unit: "a number of seconds" };
const connections = { least: 0, most: MOST, unit: "a number of connections (0 for no limit)" };

/** Every directive of nrpe.cfg but the includes, `command[…]` and {@link COMMAND_DIRECTIVES}. */
export const DIRECTIVES = {
  allowed_hosts: allowedHosts(),
  server_port: wholeNumber(5666, { least: 1024, most: 65535, unit: "a port" }),
  server_address: list(),
  address_family: word<"any" | 4 | 6>("any", { any: "any", both: "any", "4": 4, "6": 6 }),
  listen_queue_size: queueSize(),
  nrpe_user: text(),
  nrpe_group: text(),
  pid_file: text(),
  dont_blame_nrpe: flag(false),
  allow_bash_command_substitution: flag(false),
  nasty_metachars: refined(
    text(),
    NASTY_METACHARS,
    (value) => ({ kind: "value", value: unescape(value ?? "") }),
  ),
  command_prefix: text(),
  command_timeout: wholeNumber(60, seconds),
  connection_timeout: wholeNumber(300, seconds),
  max_commands: commandLimit(),
  keep_env_vars: list(),
  debug: flag(false),
  log_facility: facility(),
  log_file: text(),
  disable_syslog: flag(false),
  ssl_enabled: flag(true),
  ssl_version: { byDefault: TLS_DEFAULT, read: readTlsVersions },
  ssl_cipher_list: text(),
  ssl_cert_file: text(),
  ssl_privatekey_file: text(),
  ssl_cacert_file: text(),
  ssl_client_certs: choice(0, "0 (don't ask), 1 (ask) or 2 (require)"),
  ssl_use_adh: anonymousDh(),
  ssl_logging: bitMask(),
  ssl_shutdown_timeout: wholeNumber(15, seconds),
  allow_weak_random_seed: flag(false),
  /**
   * Whether the access tables are consulted. This directive and those that follow are this agent's own.
   */
  tcp_wrappers: flag(true),
  argument_mode: word<ArgumentMode>("shell", ARGUMENT_MODES),
  daemon_name: daemonName(),
  hosts_allow_file: path("/etc/hosts.allow"),
  hosts_deny_file: path("/etc/hosts.deny"),
  tls_state_file: text(),
  max_connections: wholeNumber(2048, connections),
  max_connections_per_source: wholeNumber(1024, connections),
  wait_idle_timeout: wholeNumber(900, seconds),
  shutdown_timeout: wholeNumber(20, seconds),
  log_format: word<"text" | "json">("text", { text: "text", json: "json" }),
  /** Whether a line of the log sums up each conversation. */
  log_summary: flag(false),
  /** Where a process that serves many clients leaves figures for Prometheus. */
  metrics_file: text(),
  /** Whether what the agent starts is kept from gaining rights, by set-user-ID bits for instance. */
  no_new_privs: flag(false),
  /** Which client certificates may connect. */
  ssl_allowed_subjects: subjects(),
  /** The revocation lists of the CAs. */
  ssl_crl_file: text(),
  /** Whether an invalid request is answered with the reason. */
  explain_refusals: flag(false),
} as const satisfies Readonly<Record<string, Directive<unknown>>>;

export type DirectiveName = keyof typeof DIRECTIVES;

/** The directives that name a file of TLS. */
export const TLS_FILES = [
  "ssl_cert_file",
  "ssl_privatekey_file",
  "ssl_cacert_file",
  "ssl_crl_file",
] as const satisfies readonly DirectiveName[];

/**
 * Every directive about one command, `NAME[command]=value`. Names begin with `command_`. Where one is
 * not given, what holds for all commands holds for this one.
 */
export const COMMAND_DIRECTIVES = {
  command_argument_mode: word<ArgumentMode | undefined>(undefined, ARGUMENT_MODES),
  /** Characters that are not allowed in requests for this command, in place of `nasty_metachars`. */
  command_nasty_metachars: refined<string | undefined, string | undefined>(
    text(),
    undefined,
    (value) => ({ kind: "value", value: value === "none" ? "" : unescape(value ?? "") }),
  ),
  /** Who may ask for the command. */
  command_allowed_hosts: {
    byDefault: undefined as readonly AllowedHost[] | undefined,
    read: readWithoutDoubt,
  },
  /** Which client certificates may ask for the command. */
  command_allowed_subjects: {
    byDefault: undefined as readonly SubjectPattern[] | undefined,
    read: readSubjects,
  },
} as const satisfies Readonly<Record<`command_${string}`, Directive<unknown>>>;

export type CommandDirectiveName = keyof typeof COMMAND_DIRECTIVES;

type ValueOf<Row> = Row extends Directive<infer Value> ? Value : never;

/** The value of every directive, by its name. */
export type Settings = {
  readonly [Name in DirectiveName]: ValueOf<(typeof DIRECTIVES)[Name]>;
};

/** The values of the directives that are given about one command. */
export type CommandValues = {
  readonly [Name in CommandDirectiveName]?: ValueOf<(typeof COMMAND_DIRECTIVES)[Name]>;
};

function path(byDefault: string): Directive<string> {
  return { byDefault, read: (value) => ({ kind: "value", value }) };
}

/** tcp_wrappers compares 127 bytes of a daemon name. */
const LONGEST_DAEMON_NAME = 127;

/** Keywords of daemon lists. */
const NO_DAEMON_NAMES: readonly string[] = ["all", "known", "unknown", "except"];

/**
 * The daemon name in access rules. A rule must be able to name it: letters, digits, `.`, `_`, `+` and
 * `-`, no port number and no keyword.
 */
function daemonName(): Directive<string> {
  return {
    byDefault: "nrpe",
    read(value) {
      const sound = /^[A-Za-z_][A-Za-z0-9_.+-]*$/.test(value) && !value.endsWith(".") &&
        value.length <= LONGEST_DAEMON_NAME && !NO_DAEMON_NAMES.includes(value.toLowerCase());
      if (sound) return { kind: "value", value };
      return {
        kind: "error",
        reason:
          "it must be a name that a rule of hosts.allow can hold: letters, digits, '.', '_', " +
          "'+' and '-', beginning with a letter, and no keyword",
      };
    },
  };
}

/** atoi(3): 0 where the text does not begin with a number. */
function atoi(value: string): number {
  const number = leadingNumber(value);
  return Number.isNaN(number) ? 0 : number;
}

function choice(byDefault: 0 | 1 | 2, meaning: string): Directive<0 | 1 | 2> {
  return {
    byDefault,
    read(value) {
      const number = atoi(value);
      return number === 0 || number === 1 || number === 2
        ? readAs(number, value)
        : { kind: "error", reason: `it must be ${meaning}` };
    },
  };
}

function anonymousDh(): Directive<0 | 1 | 2> {
  return refined(choice(1, "0 or 1"), 1, (value) =>
    value === 2
      ? {
        kind: "error",
        reason: "the TLS library has no anonymous DH to insist on; use 0, or leave it out",
      }
      : { kind: "value", value });
}

/** Repeated lists are joined, as in the C agent. */
function allowedHosts(): Directive<readonly AllowedHost[] | undefined> {
  return {
    byDefault: undefined,
    read(value) {
      const { hosts, doubt } = parseAllowedHosts(value);
      return { kind: "value", value: hosts, ...(doubt === undefined ? {} : { doubt }) };
    },
    repeated: joined,
  };
}

function joined<Item>(
  earlier: readonly Item[] = [],
  later: readonly Item[] = [],
): readonly Item[] {
  return [...earlier, ...later];
}

function subjects(): Directive<readonly SubjectPattern[] | undefined> {
  return { byDefault: undefined, read: readSubjects, repeated: joined };
}

/** The same list in a directive that the C agent does not have: what is doubtful there is an error. */
function readWithoutDoubt(value: string): Reading<readonly AllowedHost[]> {
  const { hosts, doubt } = parseAllowedHosts(value);
  return doubt === undefined ? { kind: "value", value: hosts } : { kind: "error", reason: doubt };
}

/** A negative length is the largest, as for listen(2). The kernel limits it. */
function queueSize(): Directive<number> {
  const size = wholeNumber(QUEUE_SIZE, { least: 1, most: MOST, unit: "a number of connections" });
  return {
    byDefault: size.byDefault,
    read: (value) =>
      atoi(value) < 0
        ? { kind: "value", value: MOST, doubt: "read as the most that the kernel allows" }
        : size.read(value),
  };
}

/** A negative limit means none, as in the C agent, and so does one that exceeds an `int`. */
function commandLimit(): Directive<number> {
  return {
    byDefault: 0,
    read(value) {
      const number = atoi(value);
      if (number >= 0 && number <= MOST) return readAs(number, value);
      const extent = number < 0 ? "low, read as 0" : "high, read as 0 (no limit)";
      return { kind: "value", value: 0, doubt: `max_commands set too ${extent}` };
    },
  };
}

/** Decimal, octal after 0 or hexadecimal after 0x, as strtoul(3) with base 0. */
function bitMask(): Directive<number> {
  return {
    byDefault: 0,
    read(value) {
      const digits = /^(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(value)?.[0] ?? "";
      const octal = /^0[0-7]+$/.test(digits);
      const number = digits === "" ? 0 : octal ? parseInt(digits, 8) : Number(digits);
      if (digits === value) return { kind: "value", value: number };
      return { kind: "value", value: number, doubt: `read as ${number}` };
    },
  };
}

/** An unknown facility is a warning and leaves the default, as in the C agent. */
function facility(): Directive<number> {
  const names = word(FACILITIES.daemon, FACILITIES);
  return {
    byDefault: names.byDefault,
    read(value) {
      const reading = names.read(value);
      if (reading.kind === "value") return reading;
      return {
        kind: "value",
        value: FACILITIES.daemon,
        doubt: `read as daemon: ${reading.reason}`,
      };
    },
  };
}
