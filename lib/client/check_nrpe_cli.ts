import { VERSION } from "../version.ts";
import { readTlsVersions, type TlsVersion } from "../config/tls_versions.ts";
import { type GivenOption, type OptionSpec, readOptions } from "../options.ts";
import { VERSION_QUERY } from "./probe_target.ts";

/** Nagios' states, by their names. */
export const STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;

/** What check_nrpe is asked to do. */
export type CheckInvocation =
  | { readonly kind: "version" | "help" | "license" }
  /** `output` goes to standard output, `error` to standard error, before the help where that is due. */
  | {
    readonly kind: "usage";
    readonly output: string;
    readonly error: string;
    readonly help: boolean;
  }
  | { readonly kind: "check"; readonly check: Check };

export interface Check {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6 | undefined;
  readonly from: string | undefined;
  readonly tls: boolean;
  /** The version to ask in first. Without an answer, 2 follows. */
  readonly version: 2 | 3 | 4;
  /** The buffer of a packet of version 2, in bytes; undefined for the protocol's. */
  readonly payload: number | undefined;
  /** The text of the query. */
  readonly query: string;
  /** In seconds. */
  readonly timeout: number;
  /** The state of problems with the connection: an index of {@link STATES}. */
  readonly timeoutState: number;
  /** 0, 1 or 2, see `--use-adh`. */
  readonly anonymous: number;
  readonly leastTls: TlsVersion;
  readonly mostTls: TlsVersion;
  readonly ciphers: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
  /** Bits of `--ssl-logging`. */
  readonly logging: number;
  readonly logFile: string | undefined;
  readonly syslog: boolean;
  readonly errorsToOutput: boolean;
  /** What is wrong with the arguments and does not prevent the check. */
  readonly remarks: readonly string[];
}

type Name =
  | "host"
  | "v2-packets-only"
  | "v3-packets-only"
  | "ipv4"
  | "ipv6"
  | "no-ssl"
  | "unknown-timeout"
  | "version"
  | "license"
  | "help"
  | "stderr-to-stdout"
  | "use-adh"
  | "disable-syslog"
  | "payload-size"
  | "ssl-version"
  | "cipher-list"
  | "client-cert"
  | "key-file"
  | "ca-cert-file"
  | "ssl-logging"
  | "bind"
  | "config-file"
  | "log-file"
  | "port"
  | "command"
  | "args"
  | "timeout";

/** The options of check_nrpe 4.1. */
export const CHECK_OPTIONS: readonly OptionSpec<Name>[] = [
  { letter: "H", name: "host", value: true },
  { letter: "2", name: "v2-packets-only" },
  { letter: "3", name: "v3-packets-only" },
  { letter: "4", name: "ipv4" },
  { letter: "6", name: "ipv6" },
  { letter: "n", name: "no-ssl" },
  { letter: "u", name: "unknown-timeout" },
  { letter: "V", name: "version" },
  { letter: "l", name: "license" },
  { letter: "h", name: "help" },
  { letter: "E", name: "stderr-to-stdout" },
  { letter: "d", name: "use-adh", value: true },
  { letter: "D", name: "disable-syslog" },
  { letter: "P", name: "payload-size", value: true },
  { letter: "S", name: "ssl-version", value: true },
  { letter: "L", name: "cipher-list", value: true },
  { letter: "C", name: "client-cert", value: true },
  { letter: "K", name: "key-file", value: true },
  { letter: "A", name: "ca-cert-file", value: true },
  { letter: "s", name: "ssl-logging", value: true },
  { letter: "b", name: "bind", value: true },
  { letter: "f", name: "config-file", value: true },
  { letter: "g", name: "log-file", value: true },
  { letter: "p", name: "port", value: true },
  { letter: "c", name: "command", value: true },
  { letter: "a", name: "args", value: true, last: true },
  { letter: "t", name: "timeout", value: true },
];

const VERSION_TEXT = `NRPE Plugin for Nagios\nVersion: ${VERSION} (nrpe-one)\n\n`;

const HELP_TEXT = `${VERSION_TEXT}License: MIT (-l for more info)

Usage: check_nrpe -H <host> [-p <port>] [-b <address>] [-4|-6] [-n] [-2|-3] [-t <seconds>[:<state>]]
       [-u] [-d <0|1|2>] [-S <version>] [-L <ciphers>] [-C <certificate> -K <key>] [-A <ca>]
       [-P <bytes>] [-s <bits>] [-g <file>] [-D] [-E] [-f <file>] [-c <command>] [-a <argument>...]

Options:
 -H, --host=HOST            The host that the agent runs on
 -p, --port=PORT            Its port (default: 5666)
 -c, --command=COMMAND      The command to run there; without it, the agent's version is asked for
 -a, --args=ARGUMENT...     Arguments for the command: all words to the end of the line
 -t, --timeout=SECONDS[:STATE]
                            How long to wait (default: 10), and the state if the time is over or no
                            connection can be made: OK, WARNING, CRITICAL (default), UNKNOWN or 0 to 3
 -u, --unknown-timeout      That state is UNKNOWN
 -n, --no-ssl               Do not use TLS
 -2, --v2-packets-only      Ask in packets of version 2
 -3, --v3-packets-only      Ask in packets of version 3, then 2 (default: 4, then 2)
 -P, --payload-size=BYTES   With -2, the size of the packet's buffer
 -4, --ipv4                 Use IPv4 only
 -6, --ipv6                 Use IPv6 only
 -b, --bind=ADDRESS         Connect from this local address
 -d, --use-adh=0|1|2        With 2, try anonymous DH before certificates
 -S, --ssl-version=VERSION  TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3, with + for newer ones too
                            (default: TLSv1+)
 -L, --cipher-list=LIST     The ciphers, as OpenSSL names them
 -C, --client-cert=FILE     This client's certificate
 -K, --key-file=FILE        The key of that certificate
 -A, --ca-cert-file=FILE    The agent's certificate must be signed by this CA
 -s, --ssl-logging=BITS     Log TLS: 1 the options, 2 the agent's address, 4 the version of TLS,
                            8 the cipher, 16 whether there is a certificate, 32 its names
 -g, --log-file=FILE        Log to this file instead of syslog
 -D, --disable-syslog       Do not log to syslog
 -E, --stderr-to-stdout     Print errors on standard output
 -f, --config-file=FILE     Read options from a file; those of the command line come first
 -V, --version              Print the version and quit
 -l, --license              Print the licence and quit
 -h, --help                 Print this text and quit

`;

const LICENSE_TEXT = `${VERSION_TEXT}License: MIT\n\n`;

/** The texts of `--version`, `--help` and `--license`. */
export const CHECK_TEXTS = {
  version: VERSION_TEXT,
  help: HELP_TEXT,
  license: LICENSE_TEXT,
} as const;

/** Reads a file of options; undefined where it cannot be read. */
export interface ReadOptionsFile {
  (path: string): string | undefined;
}

/** The values by name, and the words of `--args`. */
type Values = Map<Name, string>;

const DEFAULT_PORT = 5666;
const DEFAULT_TIMEOUT = 10;
/** The longest query of check_nrpe, in bytes. */
const LONGEST_QUERY = 2047;

const CRITICAL = 2;
const UNKNOWN = 3;

const BAD_STATE =
  "Timeout state must be a valid state name (OK, WARNING, CRITICAL, UNKNOWN) or integer (0-3).";

class UsageError extends Error {
  constructor(readonly output: string, readonly error = "", readonly help = true) {
    super(output);
  }
}

/** Reads the arguments of check_nrpe, without the program's name. */
export function parseCheckNrpe(args: readonly string[], read: ReadOptionsFile): CheckInvocation {
  try {
    const remarks: string[] = [];
    const given = optionsOf(args);
    const own: Values = new Map();
    for (const { name, value } of given) put(own, name, value);
    const path = own.get("config-file");
    const values = path === undefined ? own : withFile(path, read, own, remarks);
    for (const text of ["help", "license", "version"] as const) {
      if (values.has(text)) return { kind: text };
    }
    const rest = given.find(({ name }) => name === "args")?.rest ?? [];
    return { kind: "check", check: checkOf(values, rest, remarks) };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { output, error: text, help } = error;
    return { kind: "usage", output, error: text, help };
  }
}

function optionsOf(args: readonly string[]): readonly GivenOption<Name>[] {
  const given = readOptions(CHECK_OPTIONS, args);
  if (given.kind === "problem") throw new UsageError("", `check_nrpe: ${given.problem}\n`);
  return given.options;
}

const INCORRECT = "\nIncorrect command line arguments supplied\n\n";

/** The options of a file, between blanks, before those of the command line. */
function withFile(path: string, read: ReadOptionsFile, own: Values, remarks: string[]): Values {
  const text = read(path);
  if (text === undefined) throw new UsageError(INCORRECT);
  const values: Values = new Map();
  for (const { name, value } of optionsOf(text.split(/[ \t\r\n]+/).filter((word) => word !== ""))) {
    if (name === "command") {
      const problem = "Error: The config file should not have a command (-c) option.\n";
      throw new UsageError(problem + INCORRECT);
    } else if (name === "args") {
      const problem = "Error: The config file should not have args (-a) arguments.\n";
      throw new UsageError(problem + INCORRECT);
    } else if (name === "config-file") {
      remarks.push("Error: The config file should not have a config-file (-f) option.");
    } else put(values, name, value);
  }
  for (const [name, value] of own) put(values, name, value);
  return values;
}

/** Sets a value, such that the values stand in the order in which they were last given. */
function put(values: Values, name: Name, value: string): void {
  values.delete(name);
  values.set(name, value);
}

function checkOf(values: Values, rest: readonly string[], remarks: string[]): Check {
  const host = values.get("host");
  const port = Number.parseInt(values.get("port") ?? String(DEFAULT_PORT), 10);
  if (host === undefined || port === 0 || Number.isNaN(port)) throw new UsageError(INCORRECT);
  if (values.has("v2-packets-only") && values.has("v3-packets-only")) {
    const problem =
      "Error: Only one of force_v2_packet (-2) and force_v3_packet (-3) can be specified.\n";
    throw new UsageError(problem + INCORRECT);
  }
  const [least, most] = tlsVersionsOf(values.get("ssl-version") ?? "TLSv1+");
  const certificate = values.get("client-cert");
  const key = values.get("key-file");
  if ((certificate === undefined) !== (key === undefined)) {
    const problem =
      "Error: the client certificate and the private key must both be given or neither\n";
    throw new UsageError(problem + INCORRECT);
  }
  const anonymous = values.get("use-adh") ?? "1";
  if (!/^[0-2]$/.test(anonymous)) throw new UsageError(INCORRECT);
  const [timeout, timeoutState] = timeoutOf(values, remarks);
  return {
    host,
    port: port & 0xffff,
    family: values.has("ipv6") ? 6 : values.has("ipv4") ? 4 : undefined,
    from: values.get("bind"),
    tls: !values.has("no-ssl"),
    version: values.has("v2-packets-only") ? 2 : values.has("v3-packets-only") ? 3 : 4,
    payload: payloadOf(values),
    query: [values.get("command") ?? VERSION_QUERY, ...rest].join("!").slice(0, LONGEST_QUERY),
    timeout,
    timeoutState,
    anonymous: Number(anonymous),
    leastTls: least,
    mostTls: most,
    ciphers: values.get("cipher-list"),
    certificate,
    key,
    ca: values.get("ca-cert-file"),
    logging: Number(values.get("ssl-logging") ?? 0) || 0,
    logFile: values.get("log-file"),
    syslog: !values.has("disable-syslog"),
    errorsToOutput: values.has("stderr-to-stdout"),
    remarks,
  };
}

function payloadOf(values: Values): number | undefined {
  const size = Number.parseInt(values.get("payload-size") ?? "0", 10) || 0;
  if (size < 0) throw new UsageError(INCORRECT);
  if (size === 0) return undefined;
  if (!values.has("v2-packets-only")) {
    const problem = "Error: if a fixed payload size is specified, '-2' must also be specified\n";
    throw new UsageError(problem + INCORRECT);
  }
  return size;
}

function tlsVersionsOf(text: string): readonly [TlsVersion, TlsVersion] {
  const reading = readTlsVersions(text);
  if (reading.kind === "error") throw new UsageError(INCORRECT);
  return [reading.value.least, reading.value.most];
}

/** The seconds of `--timeout`, and the state of it or of `--unknown-timeout`, whichever comes last. */
function timeoutOf(values: Values, remarks: string[]): readonly [number, number] {
  let seconds = DEFAULT_TIMEOUT;
  let state: number = CRITICAL;
  for (const [name, value] of values) {
    if (name === "unknown-timeout") state = UNKNOWN;
    if (name !== "timeout") continue;
    const [number = "", word = ""] = value.split(":");
    if (number !== "" && !(/^[0-9]+$/.test(number) && Number(number) > 0)) {
      throw new UsageError("Timeout value must be a positive integer\n", "", false);
    }
    if (number !== "") seconds = Number(number);
    if (word === "") continue;
    const named = STATES.findIndex((one) => one === word.toUpperCase());
    if (named >= 0) state = named;
    else if (/^[0-3]$/.test(word)) state = Number(word);
    else remarks.push(BAD_STATE);
  }
  return [seconds, state];
}
