/** `nrpe --run`: runs a command of nrpe.cfg as the agent would, and shows what the agent hides. */
import { encodeBytes } from "../../bytes.ts";
import {
  daemonEnvironment,
  inheritedVariables,
  pluginEnvironment,
} from "../../command/environment.ts";
import { explainEnd } from "../../command/explain_end.ts";
import { outcomeOf } from "../../command/outcome.ts";
import { searchPathOf } from "../../command/plugin.ts";
import { type CommandLine, type Program, programOf } from "../../command/program.ts";
import { nastyMetacharsFor, readRequest } from "../../command/request.ts";
import type { WholeConfig } from "../../config/config.ts";
import { configFiles } from "../../config/config_files.ts";
import { loadConfig } from "../../config/load_config.ts";
import { printable } from "../../log.ts";
import { nearest } from "../../nearest.ts";
import { variablesOf } from "../../serve/agent_identity.ts";
import { exactArguments } from "../../system/arguments.ts";
import { findInPath } from "../../system/search_path.ts";
import { cleanStart } from "../../system/clean_start.ts";
import { dropPrivileges } from "../../system/drop_privileges.ts";
import { userAndGroup, writeAll } from "../../system/libc.ts";
import { forbidNewPrivileges } from "../../system/no_new_privileges.ts";
import { Stdio } from "../../system/linux.ts";
import { VERSION } from "../../version.ts";
import { findAgentUser, type FoundUser } from "../config/agent_user.ts";
import { ranText } from "./ran_text.ts";
import { parseRunQuestion, RUN_HELP, RUN_USAGE } from "./run_cli.ts";
import { runShowing } from "./run_showing.ts";

const EXIT_DONE = 0;
/** What could not be run is UNKNOWN to Nagios, and so are wrong arguments. */
const EXIT_NOT_RUN = 3;

/**
 * Runs the command and prints the result on stdout; on stderr why it was not run.
 *
 * @param args The arguments of the program as byte strings, `--run` among them.
 * @returns The exit status.
 */
export function runCommandOnce(args: readonly string[]): number {
  const question = parseRunQuestion(exactArguments(args));
  if (question.kind === "usage") return refuse(`${question.problem}\n\n${RUN_USAGE.trimEnd()}`);
  if (question.kind === "help") {
    writeAll(Stdio.output, encodeBytes(RUN_HELP));
    return EXIT_DONE;
  }
  const loaded = loadConfig(question.config, configFiles);
  if (loaded.kind === "failure") {
    const errors = loaded.findings.filter(({ severity }) => severity === "error");
    return refuse(errors.map(({ message }) => message).join("\n"));
  }
  const { config } = loaded;
  if (question.kind === "list") {
    const names = [...config.commands.keys()].map((name) => `${printable(name)}\n`);
    writeAll(Stdio.output, encodeBytes(names.join("")));
    return EXIT_DONE;
  }
  const { name, args: rest, mode, changeDirectory } = question;
  const asked = [name, ...rest].join("!");
  const request = readRequest(asked, config);
  if (request.kind === "invalid") {
    return refuse(`${request.reason}\n${explainRefusal(asked, request.reason, config)}`);
  }
  if (request.kind === "version") {
    writeAll(Stdio.output, encodeBytes(`The agent answers this itself: NRPE v${VERSION}\n`));
    return EXIT_DONE;
  }
  if (request.kind === "undefined command") return refuse(undefinedText(request.name, config));
  const found = findAgentUser(config, question.config, { mode });
  const problem = becomeAgent(found, mode, changeDirectory, config);
  if (typeof problem === "string") return refuse(problem);
  const { environment } = problem;
  const { line } = request;
  const ran = runShowing(line, environment, config.command_timeout);
  const outcome = outcomeOf(ran.end);
  const text = ranText({
    ...{ ran, outcome, line, environment, mode, seconds: config.command_timeout },
    name: request.name,
    position: config.commands.get(request.name)!.position,
    program: startedProgram(line, environment),
    user: found.user,
    notes: [
      ...found.problems.map(({ message }) => message),
      ...explainEnd(request.name, line, ran.end).map((message) => message.replace(/^Error: /, "")),
    ],
  });
  writeAll(Stdio.output, encodeBytes(text));
  return outcome.code;
}

/** The program of a command line, by its path where it has one. */
function startedProgram(line: CommandLine, environment: readonly string[]): Program {
  const program = programOf(line);
  if (program.file.includes("/")) return program;
  return { ...program, file: findInPath(program.file, searchPathOf(environment)) ?? program.file };
}

/** Takes the place of the agent's user; returns the environment of plugins, or why there is none. */
function becomeAgent(
  { user, actor, problems }: FoundUser,
  mode: "inetd" | "daemon",
  changeDirectory: boolean,
  { keep_env_vars, no_new_privs }: WholeConfig,
): string | { readonly environment: readonly string[] } {
  if (user === undefined || actor === undefined) {
    return problems.map(({ message, suggestion }) => `${message}; ${suggestion}`).join("\n");
  }
  const own = userAndGroup();
  if (own.uid !== 0 && own.gid === 0) {
    return "Error: NRPE daemon cannot be run as user/group root!";
  }
  // Without root's rights it can no longer be read.
  const variables = inheritedVariables();
  const become = own.uid === 0 ? actor.account : undefined;
  const environment = mode === "inetd"
    ? pluginEnvironment()
    : daemonEnvironment(variables, keep_env_vars, variablesOf({ ...user, become }));
  cleanStart();
  if (no_new_privs) forbidNewPrivileges();
  if (become !== undefined) dropPrivileges(become, actor.gid);
  if (mode === "daemon" && changeDirectory) process.chdir("/");
  return { environment };
}

/** The directive that refuses a request. */
function explainRefusal(text: string, reason: string, config: WholeConfig): string {
  if (reason.includes("metachars")) {
    const characters = nastyMetacharsFor(text, config);
    const nasty = text.split("").find((letter) => characters.includes(letter));
    const own = characters === config.nasty_metachars ? "nasty" : "command_nasty";
    return `${own}_metachars holds ${JSON.stringify(nasty)}`;
  }
  return reason.includes("substitution")
    ? "allow_bash_command_substitution=1 would allow $(...)"
    : "dont_blame_nrpe=1 would allow arguments";
}

/** The most commands that are listed. */
const MOST_LISTED = 40;

function undefinedText(name: string, { commands }: WholeConfig): string {
  const names = [...commands.keys()];
  const like = nearest(name, names);
  const guess = like === undefined ? "" : `; did you mean ${like}?`;
  const listed = names.slice(0, MOST_LISTED).join(", ");
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : "";
  return `Command '${name}' not defined${guess}\nDefined are: ${listed || "none"}${more}`;
}

function refuse(reason: string): number {
  const lines = reason.split("\n").map((line, at) =>
    `${at === 0 ? "nrpe: " : ""}${printable(line)}\n`
  );
  writeAll(Stdio.error, encodeBytes(lines.join("")));
  return EXIT_NOT_RUN;
}
