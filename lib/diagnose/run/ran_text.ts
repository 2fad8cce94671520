import { decodeBytes } from "../../bytes.ts";
import type { Outcome } from "../../command/outcome.ts";
import type { CommandLine, Program } from "../../command/program.ts";
import type { Position } from "../../config/config.ts";
import type { AgentUser } from "../config/report.ts";
import type { ShownRun } from "./run_showing.ts";

/** A command that has been run, and how. */
interface RanCommand {
  readonly name: string;
  readonly position: Position;
  readonly line: CommandLine;
  readonly program: Program;
  readonly user: AgentUser | undefined;
  readonly mode: "inetd" | "daemon";
  readonly environment: readonly string[];
  readonly ran: ShownRun;
  /** The time-out. */
  readonly seconds: number;
  readonly outcome: Outcome;
  /** What else there is to say. */
  readonly notes: readonly string[];
}

const STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;
/** The widest label. */
const WIDTH = 12;

/** How a command was run, how it ended, and what it wrote. */
export function ranText(command: RanCommand): string {
  const { name, position, line, program, user, mode, environment } = command;
  const { ran, outcome, notes, seconds } = command;
  const { end } = ran;
  const output = "output" in end ? decodeBytes(end.output) : "";
  const rows = [
    row("command", `${name}, by ${position.file}:${position.line}`),
    ...lineRows(line),
    row("program", programText(program, ran)),
    row(
      "user",
      user === undefined
        ? ""
        : `${user.name} (user ${user.uid}, group ${user.gid}), by ${user.from}`,
    ),
    ...environmentRows(mode, environment),
    row("status", `${statusText(command)}: ${STATES[outcome.code]}`),
    row("time", `${Math.round(ran.time)} ms of ${seconds} s`),
    ...notes.map((note) => row("note", note)),
  ];
  const stripped = output.endsWith("\n") ? output.slice(0, -1) : output;
  if (outcome.text !== stripped) rows.push(row("answer", outcome.text));
  return rows.join("") + streamText("standard output", output) +
    streamText("standard error, which the agent discards", decodeBytes(ran.stderr));
}

/** The line that a shell may read, or the words that the program gets, each in quotes. */
function lineRows(line: CommandLine): readonly string[] {
  if (typeof line === "string") return [row("line", line)];
  return line.map((word, at) => row(at === 0 ? "words" : "", `'${word}'`));
}

/** A daemon's variables; of the caller's, which may be secrets, PATH alone. */
function environmentRows(
  mode: "inetd" | "daemon",
  environment: readonly string[],
): readonly string[] {
  if (mode === "daemon") {
    return environment.map((variable, at) => row(at === 0 ? "environment" : "", variable));
  }
  const path = environment.find((variable) => variable.startsWith("PATH=")) ?? "no PATH";
  const count = `the ${environment.length} variables of this process, as inetd passes its own on`;
  return [row("environment", count), row("", path)];
}

function row(label: string, text: string): string {
  return `${label.padEnd(WIDTH)} ${shown(text.replaceAll("\n", "\\n"))}\n`;
}

function programText(program: Program, { shell }: ShownRun): string {
  if (program.shell) return `${program.file} -c LINE`;
  return shell
    ? "/bin/sh -c LINE, since the file names no interpreter"
    : `${program.file}, without a shell`;
}

function statusText({ ran: { end } }: RanCommand): string {
  switch (end.kind) {
    case "exited":
      return `exit status ${end.status}`;
    case "killed":
      return `killed by signal ${end.signal}`;
    case "timed out":
      return `timed out after ${end.seconds} s (command_timeout)`;
    case "not started":
      return "not started";
  }
}

function streamText(title: string, bytes: string): string {
  if (bytes === "") return `\n${title}: nothing\n`;
  const text = bytes.endsWith("\n") ? bytes.slice(0, -1) : bytes;
  const lines = text.split("\n").map((line) => `  ${shown(line)}\n`);
  return `\n${title}, ${bytes.length} bytes:\n${lines.join("")}`;
}

/** Text for a terminal: UTF-8 stays, control characters and other bytes are escaped. */
function shown(text: string): string {
  const isUtf8 = !Buffer.from(text, "latin1").toString("utf8").includes("\ufffd");
  // The second alternative is a control character of ISO 8859-1 in UTF-8.
  const odd = isUtf8 ? /[^\t\x20-\x7e\x80-\xff]|\xc2[\x80-\x9f]/g : /[^\t\x20-\x7e]/g;
  return text.replace(
    odd,
    (bytes) =>
      [...bytes].map((byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`).join(""),
  );
}
