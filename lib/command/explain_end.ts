import { isAssignment } from "../config/definition_words.ts";
import { exists } from "../system/directory.ts";
import { executionProblem } from "../system/execution_problem.ts";
import { processesOf } from "../system/inspect.ts";
import { NOT_EXECUTABLE, NOT_FOUND, type PluginEnd } from "./outcome.ts";
import type { CommandLine } from "./program.ts";

/**
 * Why a plugin did not run, what is missing of its output, or which of its processes are left, for the
 * log.
 *
 * @param name The command's name.
 * @param line The command line.
 */
export function explainEnd(name: string, line: CommandLine, end: PluginEnd): readonly string[] {
  switch (end.kind) {
    case "not started":
      return [`Error: could not start a command: ${end.reason} (command[${name}])`];
    case "exited": {
      if (end.unread !== undefined) return [unreadOutput(name, end.unread)];
      if (end.status !== NOT_FOUND && end.status !== NOT_EXECUTABLE) return [];
      const said = end.status === NOT_FOUND ? "127: not found" : "126: not executable";
      const why = executionProblemIn(line, end.failure);
      return [`Error: command[${name}]: ${why} (exit status ${said})`];
    }
    case "timed out":
      return end.left === undefined
        ? []
        : processesOf(end.left).map(({ pid, program, state, uid }) => {
          const why = state === "D"
            ? "it is in uninterruptible sleep"
            : `it runs as user ${uid}, which the agent may not signal`;
          return `Error: command[${name}]: timed out, and process ${pid} (${program}) could not be ended: ${why}`;
        });
    case "killed":
      return end.unread === undefined ? [] : [unreadOutput(name, end.unread)];
  }
}

function unreadOutput(name: string, why: string): string {
  return `Error: command[${name}]: its output could not be read to the end: ${why}`;
}

/**
 * The file of a command line that cannot be executed, with the reason: the program, or one that it
 * executes, as sudo(8), env(1) or a shell does.
 *
 * @param failure Why the kernel did not execute the program, where it did not.
 */
function executionProblemIn(line: CommandLine, failure: string | undefined): string {
  const words = typeof line === "string"
    ? line.split(/[\s;&|()<>'"`]+/).filter((word) => word !== "")
    : line;
  const program = typeof line === "string"
    ? words.find((word) => !isAssignment(word)) ?? line
    : line[0]!;
  for (const path of failure === undefined ? words : [program]) {
    const problem = path.startsWith("/") ? executionProblem(path) : undefined;
    if (problem !== undefined) return problem;
  }
  if (failure !== undefined) return `${program}: ${failure}`;
  return program.includes("/") ? startedAnother(program) : problemInPath(program);
}

function startedAnother(program: string): string {
  return `${program} started a program that does not run, or lacks a shared library`;
}

/** Why a program that is named without its directory cannot be executed. */
function problemInPath(program: string): string {
  const { PATH = "" } = process.env;
  let denied: string | undefined;
  for (const directory of PATH.split(":")) {
    if (!directory.startsWith("/")) continue;
    const path = `${directory}/${program}`;
    const problem = executionProblem(path);
    if (problem === undefined) return startedAnother(path);
    if (exists(path)) denied ??= problem;
  }
  return denied ?? `${program}: no such program in PATH (${PATH})`;
}
