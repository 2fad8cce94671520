/** `nrpe --check-config`: checks nrpe.cfg and prints what it finds. */
import { encodeBytes } from "../../bytes.ts";
import { parseToolOptions } from "../../cli.ts";
import { printable } from "../../log.ts";
import { exactArguments } from "../../system/arguments.ts";
import { writeAll } from "../../system/libc.ts";
import { Stdio } from "../../system/linux.ts";
import { wantsColour } from "../../system/terminal.ts";
import { checkConfig } from "./check.ts";
import { configJson, configText } from "./print.ts";
import type { ConfigReport } from "./report.ts";

const EXIT_SOUND = 0;
const EXIT_WARNINGS = 1;
const EXIT_ERRORS = 2;
/** As for the agent's own command line. */
const EXIT_USAGE = 3;

const OWN_OPTIONS = ["--check-config", "--json", "--load-only"];

const USAGE = "Usage: nrpe --check-config -c FILE [-n] [-i|-d|-f] [--load-only] [--json]\n";

const HELP = `${USAGE}
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

/**
 * Prints the report on stdout.
 *
 * @param args The arguments of the program as byte strings, `--check-config` among them.
 * @returns The exit status.
 */
export async function checkConfigFile(args: readonly string[]): Promise<number> {
  const exact = exactArguments(args);
  const given = parseToolOptions(exact.filter((arg) => !OWN_OPTIONS.includes(arg)));
  if (given.kind === "usage") return printUsage(given.problem);
  if (given.text === "help") {
    writeAll(Stdio.output, encodeBytes(HELP));
    return EXIT_SOUND;
  }
  const [word] = given.words;
  if (word !== undefined) return printUsage(`'${word}' is no option: the file is named by -c`);
  const mode = given.mode === "foreground" ? "daemon" : given.mode;
  const loadOnly = exact.includes("--load-only");
  const start = { mode, tls: given.tls } as const;
  const { report, read } = await checkConfig(given.config, start, loadOnly);
  const text = exact.includes("--json")
    ? configJson(report)
    : configText(report, read, wantsColour());
  writeAll(Stdio.output, encodeBytes(text));
  const status = exitStatusOf(report);
  return loadOnly && status === EXIT_WARNINGS ? EXIT_SOUND : status;
}

/** By the worst finding. */
export function exitStatusOf({ findings }: Pick<ConfigReport, "findings">): number {
  if (findings.some(({ severity }) => severity === "error")) return EXIT_ERRORS;
  return findings.some(({ severity }) => severity === "warning") ? EXIT_WARNINGS : EXIT_SOUND;
}

function printUsage(problem: string): number {
  writeAll(Stdio.error, encodeBytes(`nrpe: ${printable(problem)}\n\n${USAGE}`));
  return EXIT_USAGE;
}
