/** `nrpe --check-config`: checks nrpe.cfg and prints what it finds. */
import { encodeBytes } from "../../bytes.ts";
import { printable } from "../../log.ts";
import { exactArguments } from "../../system/arguments.ts";
import { writeAll } from "../../system/libc.ts";
import { Stdio } from "../../system/linux.ts";
import { wantsColour } from "../../system/terminal.ts";
import { checkConfig } from "./check.ts";
import { CONFIG_HELP, CONFIG_USAGE, parseConfigQuestion } from "./check_config_cli.ts";
import { configJson, configText } from "./print.ts";
import type { ConfigReport } from "./report.ts";

const EXIT_SOUND = 0;
const EXIT_WARNINGS = 1;
const EXIT_ERRORS = 2;
/** As for the agent's own command line. */
const EXIT_USAGE = 3;

/**
 * Prints the report on stdout.
 *
 * @param args The arguments of the program as byte strings, `--check-config` among them.
 * @returns The exit status.
 */
export async function checkConfigFile(args: readonly string[]): Promise<number> {
  const question = parseConfigQuestion(exactArguments(args));
  if (question.kind === "usage") return printUsage(question.problem);
  if (question.kind === "help") {
    writeAll(Stdio.output, encodeBytes(CONFIG_HELP));
    return EXIT_SOUND;
  }
  const { config, start, loadOnly, json } = question;
  const { report, read } = await checkConfig(config, start, loadOnly);
  const text = json ? configJson(report) : configText(report, read, wantsColour());
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
  writeAll(Stdio.error, encodeBytes(`nrpe: ${printable(problem)}\n\n${CONFIG_USAGE}`));
  return EXIT_USAGE;
}
