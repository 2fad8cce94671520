import { type OptionSpec, readOptions } from "../../options.ts";

/** What a command line with `--doctor` asks for. */
type DoctorQuestion =
  | { readonly kind: "question"; readonly config: string | undefined; readonly json: boolean }
  | { readonly kind: "help" }
  | { readonly kind: "usage"; readonly problem: string };

/** The synopsis. */
export const DOCTOR_USAGE = "Usage: nrpe --doctor [-c FILE] [--json]\n";

/** What `--help` prints. */
export const DOCTOR_HELP = `${DOCTOR_USAGE}
Go the way of a check on this host, from /etc/services to the answer, and say what is wrong on it. The
first problem is the one to mend first. Nothing is changed, and no plugin is run.

 -c, --config=FILE  Check this nrpe.cfg (default: the one that the agent is started with)
     --json         Print JSON, one object a line
 -h, --help         Print this text and quit

Exit status: 0 nothing is wrong, 1 warnings, 2 problems or a wrong command line.
`;

/** The options, with the one that asks for this tool. */
export const DOCTOR_OPTIONS = [
  { name: "doctor" },
  { letter: "c", name: "config", value: true },
  { name: "json" },
  { letter: "h", name: "help" },
] as const satisfies readonly OptionSpec<string>[];

/** Reads the arguments, without the name of the program. */
export function parseDoctorQuestion(args: readonly string[]): DoctorQuestion {
  const given = readOptions<typeof DOCTOR_OPTIONS[number]["name"]>(DOCTOR_OPTIONS, args);
  if (given.kind === "problem") return usage(given.problem);
  const values = new Map(given.options.map(({ name, value }) => [name, value]));
  if (values.has("help")) return { kind: "help" };
  const [word] = given.words;
  if (word !== undefined) return usage(`unexpected word ${word}`);
  return { kind: "question", config: values.get("config"), json: values.has("json") };
}

function usage(problem: string): DoctorQuestion {
  return { kind: "usage", problem };
}
