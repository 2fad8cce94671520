import { parseIPv6 } from "../address.ts";
import { longestText, type PacketVersion } from "../protocol/packet.ts";
import { type OptionSpec, readOptions } from "../options.ts";
import { type ProbeTarget, VERSION_QUERY } from "./probe_target.ts";

/** What a command line with `--probe` asks for. */
export type ProbeQuestion =
  | {
    readonly kind: "probe";
    readonly hosts: readonly Place[];
    /** A file with a host a line. */
    readonly file: string | undefined;
    readonly how: Omit<ProbeTarget, "host" | "port">;
    readonly json: boolean;
  }
  | { readonly kind: "help" }
  | { readonly kind: "usage"; readonly problem: string };

type Place = Pick<ProbeTarget, "host" | "port">;

/** The synopsis. */
export const PROBE_USAGE =
  "Usage: nrpe --probe HOST[:PORT] [-n] [-2|-3] [-t SECONDS] [--json] [-c COMMAND] [-a ARGUMENT...]\n" +
  "       nrpe --probe --hosts FILE [-n] [-2|-3] [-t SECONDS] [--json] [-c COMMAND] [-a ARGUMENT...]\n";

/** What `--help` prints. */
export const PROBE_HELP = `${PROBE_USAGE}
Say what answers at a host: the versions of TLS and NRPE, the certificate, how long each step took, or
why there is no answer. The port is 5666 if none is given; an IPv6 address with a port stands in
brackets.

     --hosts=FILE           Ask all hosts of a file, one a line, many at once; a line for each answer
 -n, --no-ssl               Do not use TLS
 -2, --v2-packets-only      Ask in packets of version 2 only
 -3, --v3-packets-only      Ask in packets of version 3 only (default: 4, then 2)
 -t, --timeout=SECONDS      How long a host has for its answer (default: 10)
 -c, --command=COMMAND      Ask for this command; by default the agent's version is asked for
 -a, --args=ARGUMENT...     Arguments for the command: all words to the end of the line
     --json                 Print JSON, one object a line
 -h, --help                 Print this text and quit

Exit status: 0 every host answered, 1 some host did not, 2 a question that makes no sense.
`;

/** The options, with the one that asks for this tool. */
export const PROBE_OPTIONS = [
  { name: "probe" },
  { name: "hosts", value: true },
  { letter: "n", name: "no-ssl" },
  { letter: "2", name: "v2-packets-only" },
  { letter: "3", name: "v3-packets-only" },
  { letter: "t", name: "timeout", value: true },
  { letter: "c", name: "command", value: true },
  { letter: "a", name: "args", value: true, last: true },
  { name: "json" },
  { letter: "h", name: "help" },
] as const satisfies readonly OptionSpec<string>[];

const DEFAULT_PORT = 5666;
const DEFAULT_TIMEOUT = "10";

/** Reads the arguments, without the name of the program. */
export function parseProbeQuestion(args: readonly string[]): ProbeQuestion {
  const given = readOptions<typeof PROBE_OPTIONS[number]["name"]>(PROBE_OPTIONS, args);
  if (given.kind === "problem") return usage(given.problem);
  const values = new Map(given.options.map(({ name, value }) => [name, value]));
  if (values.has("help")) return { kind: "help" };
  const hosts: Place[] = [];
  for (const word of given.words) {
    const place = readPlace(word);
    if (place === undefined) return usage(`${word} is no HOST[:PORT]`);
    hosts.push(place);
  }
  const file = values.get("hosts");
  if ((file === undefined) !== (hosts.length === 1) || hosts.length > 1) {
    return usage("one HOST[:PORT] is expected, or --hosts FILE");
  }
  const two = values.has("v2-packets-only");
  const three = values.has("v3-packets-only");
  if (two && three) return usage("-2 and -3 exclude each other");
  const seconds = values.get("timeout") ?? DEFAULT_TIMEOUT;
  if (!/^[0-9]+(\.[0-9]+)?$/.test(seconds) || !(Number(seconds) > 0)) {
    return usage(`the timeout ${seconds} is no number of seconds`);
  }
  const version: PacketVersion | undefined = two ? 2 : three ? 3 : undefined;
  const rest = given.options.find(({ name }) => name === "args")?.rest ?? [];
  const query = [values.get("command") ?? VERSION_QUERY, ...rest].join("!");
  const longest = longestText(version ?? 4);
  if (query.length > longest) return usage(`the query is longer than ${longest} bytes`);
  const how = { tls: !values.has("no-ssl"), version, query, timeout: Number(seconds) * 1000 };
  return { kind: "probe", hosts, file, how, json: values.has("json") };
}

/** Reads `HOST[:PORT]`; undefined where it is none. */
export function readPlace(text: string): Place | undefined {
  if (parseIPv6(text.replace(/%.*$/, "")) !== undefined) return { host: text, port: DEFAULT_PORT };
  const [, bracketed, named, digits] =
    /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::([0-9]{1,5}))?$/.exec(text) ??
      [];
  const host = bracketed ?? named;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  return host === undefined || port < 1 || port > 65535 ? undefined : { host, port };
}

function usage(problem: string): ProbeQuestion {
  return { kind: "usage", problem };
}
