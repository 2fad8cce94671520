import { parseToolOptions } from "../../cli.ts";
import type { AgentStart } from "./report.ts";

/** What a command line with `--check-config` asks for. */
type ConfigQuestion =
  | {
    readonly kind: "question";
    /** The path of nrpe.cfg. */
    readonly config: string;
    readonly start: AgentStart;
    /** Whether only what the agent would refuse to load counts. */
    readonly loadOnly: boolean;
    readonly json: boolean;
  }
  | { readonly kind: "help" }
  | { readonly kind: "usage"; readonly problem: string };

/** The options beside those of the agent. */
export const CONFIG_OPTIONS: readonly string[] = ["--check-config", "--json", "--load-only"];

/** The synopsis. */
export const CONFIG_USAGE =
  "Usage: nrpe --check-config -c FILE [-n] [-i|-d|-f] [--load-only] [--json]\n";

/** What `--help` prints. */
export const CONFIG_HELP = `${CONFIG_USAGE}
Check nrpe.cfg with its includes: mistakes, the program of each command and whether the agent's user
may run it, certificates, and the files that the agent reads and writes. Nothing is executed.

 -c, --config=FILE       The configuration file (default: nrpe.cfg in the working directory)
 -i, -d, -f, -s, -n      How the agent is started, as on its own command line. What does not count
                         then is said, and what does not matter then is not
     --load-only         Check only whether the agent would load it: exit 0, or 2 if not
     --json              Print JSON, one object a line
 -h, --help              Print this text

Run it as root, or as the agent's user: others may not see what that user may do.
Exit status: 0 without errors and warnings, 1 with warnings, 2 with errors, 3 for wrong arguments.
`;

/** Reads the arguments, without the name of the program. */
export function parseConfigQuestion(args: readonly string[]): ConfigQuestion {
  const given = parseToolOptions(args.filter((arg) => !CONFIG_OPTIONS.includes(arg)));
  if (given.kind === "usage") return given;
  if (given.text === "help") return { kind: "help" };
  const [word] = given.words;
  if (word !== undefined) {
    return { kind: "usage", problem: `'${word}' is no option: the file is named by -c` };
  }
  const mode = given.mode === "foreground" ? "daemon" : given.mode;
  return {
    kind: "question",
    config: given.config,
    start: { mode, tls: given.tls },
    loadOnly: args.includes("--load-only"),
    json: args.includes("--json"),
  };
}
