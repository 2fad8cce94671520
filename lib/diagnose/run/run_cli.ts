import { parseToolOptions } from "../../cli.ts";

/** What a command line with `--run` asks for. */
type RunQuestion =
  | (RunPlace & {
    readonly kind: "run";
    /** The name of the command. */
    readonly name: string;
    readonly args: readonly string[];
    readonly mode: "inetd" | "daemon";
    readonly changeDirectory: boolean;
  })
  | (RunPlace & { readonly kind: "list" })
  | { readonly kind: "help" }
  | { readonly kind: "usage"; readonly problem: string };

interface RunPlace {
  /** The path of nrpe.cfg. */
  readonly config: string;
}

const RUN = "--run";
const LIST = "--list";

/** The options beside those of the agent. */
export const RUN_OPTIONS: readonly string[] = [RUN, LIST];

/** The synopsis. */
export const RUN_USAGE = "Usage: nrpe --run COMMAND [ARGS...] -c FILE [-i|-d|-f]\n" +
  "       nrpe --run --list -c FILE\n";

/** What `--help` prints. */
export const RUN_HELP = `${RUN_USAGE}
Run a command of nrpe.cfg as the agent would, with the same user, environment, limits and time-out,
and show how it ended, what it wrote, and what it wrote to standard error, which the agent discards.

 -c, --config=FILE   The configuration file (default: nrpe.cfg in the working directory)
 -i, --inetd         As under inetd: with this environment, as the user of inetd's line
 -d, -f, -s          As a daemon, which is the default: with a daemon's environment, as nrpe_user
     --list          Print the names of all commands, one a line, and run none
 -h, --help          Print this text

Words after -- are arguments, also if they begin with a minus sign. Root becomes the agent's user.
Exit status: the state that the monitoring server gets, 0 to 3; 3 also for what could not be run.
`;

/** Reads the arguments, without the name of the program. */
export function parseRunQuestion(args: readonly string[]): RunQuestion {
  const own: string[] = [];
  const others: string[] = [];
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  for (const arg of args.slice(0, end)) {
    if (RUN_OPTIONS.includes(arg) && !own.includes(arg)) own.push(arg);
    else others.push(arg);
  }
  const given = parseToolOptions([...others, ...args.slice(end)]);
  if (given.kind === "usage") {
    const hint = "arguments that begin with a minus sign stand after --";
    return { kind: "usage", problem: `${given.problem}; ${hint}` };
  }
  if (given.text === "help") return { kind: "help" };
  const { config, changeDirectory, words: [name, ...rest] } = given;
  if (own.includes(LIST)) {
    return name === undefined
      ? { kind: "list", config }
      : { kind: "usage", problem: `${LIST} runs no command` };
  }
  if (name === undefined) {
    return { kind: "usage", problem: `${RUN} needs the name of a command` };
  }
  const mode = given.mode === "inetd" ? "inetd" : "daemon";
  return { kind: "run", name, args: rest, config, mode, changeDirectory };
}
