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

/** Reads the arguments, without the name of the program. */
export function parseDoctorQuestion(args: readonly string[]): DoctorQuestion {
  let config: string | undefined;
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--doctor") continue;
    if (arg === "-h" || arg === "--help") return { kind: "help" };
    if (arg === "--json") json = true;
    else if (arg === "-c" || arg === "--config") {
      config = args[++at];
      if (config === undefined) return usage(`${arg} needs the name of a file`);
    } else if (arg.startsWith("--config=")) config = arg.slice("--config=".length);
    else if (/^-c./.test(arg)) config = arg.slice(2);
    else return usage(arg.startsWith("-") ? `unknown option ${arg}` : `unexpected word ${arg}`);
  }
  return { kind: "question", config, json };
}

function usage(problem: string): DoctorQuestion {
  return { kind: "usage", problem };
}
