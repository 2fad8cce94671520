import { executionProblem, processesOf } from "../system/inspect.ts";
import { NOT_EXECUTABLE, NOT_FOUND, type PluginEnd } from "./outcome.ts";

/**
 * Why a plugin did not run, or which of its processes are left, for the log.
 *
 * @param name The command's name.
 * @param line The command line.
 */
export function explainEnd(name: string, line: string, end: PluginEnd): readonly string[] {
  switch (end.kind) {
    case "not started":
      return [`Error: could not start a command: ${end.reason} (command[${name}])`];
    case "exited": {
      if (end.status !== NOT_FOUND && end.status !== NOT_EXECUTABLE) return [];
      const said = end.status === NOT_FOUND ? "127: not found" : "126: not executable";
      return [`Error: command[${name}]: ${executionProblemIn(line)} (exit status ${said})`];
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
      return [];
  }
}

/**
 * The file of a command line that cannot be executed, with the reason: the program, or one that it
 * executes, as sudo(8), env(1) or a shell does.
 */
function executionProblemIn(line: string): string {
  const words = line.split(/[\s;&|()<>'"]+/).filter((word) => word !== "");
  const program = words.find((word) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word)) ?? line;
  for (const path of [program, ...words]) {
    const problem = path.startsWith("/") ? executionProblem(path) : undefined;
    if (problem !== undefined) return problem;
  }
  return program.startsWith("/")
    ? `${program} started a program that does not run`
    : `${program}: no such program in PATH`;
}
