/** The programs of the commands, and whether the agent's user may run them. Nothing is executed. */
import { statusOf } from "../../system/path_status.ts";
import { decodeBytes } from "../../bytes.ts";
import { argumentModeOf } from "../../config/argument_mode.ts";
import { isAssignment } from "../../config/definition_words.ts";
import { expandMacros, expandWords } from "../../config/macros.ts";
import { DAEMON_PATH } from "../../command/environment.ts";
import { programOf } from "../../command/program.ts";
import type { CommandDefinition, Config } from "../../config/config.ts";
import { nearest } from "../../nearest.ts";
import { groupsOf } from "../../system/act_as.ts";
import { accountOf, groupNameOfId } from "../../system/account.ts";
import { listDirectory } from "../../system/directory.ts";
import { executionProblem, shellProblem } from "../../system/execution_problem.ts";
import { hasFileCapabilities } from "../../system/file_capabilities.ts";
import { hostName } from "../../system/host_name.ts";
import { describeErrno, readFile, SystemError } from "../../system/libc.ts";
import { type FoundUser, groupNameOf, userNameOf } from "./agent_user.ts";
import { type PlacedProblem, problemAt } from "./catalogue.ts";
import type { CommandReport, ProgramReport } from "./report.ts";
import { simpleCommands, type Word } from "./shell_words.ts";
import { askSudoers, readSudoers, type Sudoers } from "./sudoers.ts";

/** A command, and what is wrong with it. */
interface CheckedCommand {
  readonly report: CommandReport;
  readonly problems: readonly PlacedProblem[];
}

/** What stands for an argument of a client, plain to every shell. */
const ARGUMENT = "CLIENT.ARGUMENT";
const ARGUMENTS = Array<string>(16).fill(ARGUMENT);

/** The default of sudo's secure_path. */
const SECURE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Where packages put plugins. */
const PLUGIN_DIRECTORIES = [
  ...["/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins", "/usr/libexec/nagios"],
  ...["/usr/local/nagios/libexec", "/usr/lib/monitoring-plugins", "/usr/local/lib/nagios/plugins"],
];

/** Builtins of a shell, and keywords that run no program. */
const BUILTINS = new Set([
  ...[".", ":", "[", "alias", "bg", "break", "cd", "continue", "echo", "eval", "exit", "export"],
  ...[
    "false",
    "fg",
    "getopts",
    "hash",
    "jobs",
    "kill",
    "local",
    "printf",
    "pwd",
    "read",
    "readonly",
  ],
  ...["return", "set", "shift", "test", "times", "trap", "true", "type", "ulimit", "umask"],
  ...["unalias", "unset", "wait"],
]);

/** Programs that run the command in their arguments: options with a value, and words before it. */
const RUNNERS: Readonly<Record<string, { readonly valued: string; readonly words: number }>> = {
  chrt: { valued: "TPD", words: 1 },
  command: { valued: "", words: 0 },
  env: { valued: "uC", words: 0 },
  exec: { valued: "a", words: 0 },
  flock: { valued: "wE", words: 1 },
  ionice: { valued: "cnpPu", words: 0 },
  negate: { valued: "towcu", words: 0 },
  nice: { valued: "n", words: 0 },
  nohup: { valued: "", words: 0 },
  setsid: { valued: "", words: 0 },
  stdbuf: { valued: "ioe", words: 0 },
  sudo: { valued: "ugphCDRTrt", words: 0 },
  taskset: { valued: "", words: 1 },
  timeout: { valued: "ks", words: 1 },
};
/** Runners that are part of a shell. */
const BUILTIN_RUNNERS = ["command", "exec"];
const SHELLS = ["sh", "bash", "dash", "ksh", "zsh", "ash"];
const SCRIPT_RUNNERS = /^(perl|python|ruby|php|lua|node)[0-9.]*$/;
/** How many commands may stand in the arguments of each other. */
const DEEPEST = 8;

/** Checks all commands of a configuration. */
export function checkCommands(
  config: Config,
  commands: Iterable<CommandDefinition>,
  found: FoundUser,
): readonly CheckedCommand[] {
  let sudoers: Sudoers | undefined;
  const host = { sudoers: () => sudoers ??= readSudoers() };
  const checked: CheckedCommand[] = [];
  for (const command of commands) checked.push(checkCommand(config, command, found, host));
  return checked;
}

interface Host {
  readonly sudoers: () => Sudoers;
}

function checkCommand(
  config: Config,
  { name, line, position, words: ownWords }: CommandDefinition,
  found: FoundUser,
  host: Host,
): CheckedCommand {
  const { command_prefix: prefix, no_new_privs: confined } = config;
  const whole = prefix === undefined ? line : `${prefix} ${line}`;
  const expanded = ownWords === undefined
    ? expandMacros(whole, ARGUMENTS)
    : expandWords(ownWords, ARGUMENTS);
  const program = programOf(expanded);
  const commands = program.shell ? simpleCommands(program.argv.at(-1)!) : [program.argv];
  const programs: ProgramReport[] = [];
  const problems: PlacedProblem[] = [];
  const context: Context = {
    ...{ name, found, host, programs },
    report: (code, values) => problems.push(problemAt(position, code, { name, ...values })),
    runAs: undefined,
    inShell: program.shell,
    confined,
    isAlone: ownWords !== undefined,
    depth: 0,
  };
  let moved = false;
  for (const words of commands) {
    // A relative path means something else from there on.
    if (words[0] === "cd") moved = true;
    checkWords(words, { ...context, moved });
  }
  const mode = argumentModeOf(config, name);
  const { shell } = program;
  return { report: { name, position, line: whole, mode, shell, programs }, problems };
}

interface Context {
  readonly name: string;
  readonly found: FoundUser;
  readonly host: Host;
  readonly programs: ProgramReport[];
  readonly report: (
    code: Parameters<typeof problemAt>[1],
    values: Readonly<Record<string, string | number>>,
  ) => void;
  /** Whom sudo runs it as; undefined for the agent's user. */
  readonly runAs: string | undefined;
  /** Whether a shell runs it, which has builtins. */
  readonly inShell: boolean;
  /** Whether it is a program that the agent starts and never gives to a shell. */
  readonly isAlone: boolean;
  readonly moved?: boolean;
  /** Whether no program gains rights. */
  readonly confined: boolean;
  readonly depth: number;
}

/** Checks the program of a simple command, and what that program runs. */
function checkWords(words: readonly Word[], context: Context): void {
  const [first, ...args] = words;
  if (first === undefined || first.includes(ARGUMENT) || context.depth > DEEPEST) return;
  if (context.inShell && BUILTINS.has(first)) return;
  const isBuiltinRunner = context.inShell && BUILTIN_RUNNERS.includes(first);
  const file = isBuiltinRunner ? first : locate(first, context);
  if (file === undefined) return;
  if (!isBuiltinRunner && !checkProgram(file, context)) return;
  const base = first.slice(first.lastIndexOf("/") + 1);
  const inner = { ...context, depth: context.depth + 1, inShell: isBuiltinRunner, isAlone: false };
  if (Object.hasOwn(RUNNERS, base)) checkRunner(base, file, args, inner);
  else if (SHELLS.includes(base)) checkShell(args, inner);
  else if (SCRIPT_RUNNERS.test(base)) {
    const script = args.find((word) => word === undefined || !/^-[A-Za-z]$/.test(word));
    if (script?.startsWith("/")) checkScript(script, inner);
  }
}

/** The path of a program: as it is written, or by PATH. */
function locate(name: string, context: Context): string | undefined {
  const { report, programs, runAs, moved = false } = context;
  if (name.startsWith("/")) return name;
  if (name.includes("/")) {
    if (!moved) report("relative-program", { file: name });
    programs.push({ file: name, problem: undefined });
    return undefined;
  }
  const path = runAs === undefined ? DAEMON_PATH : SECURE_PATH;
  const file = fileInPath(name, path);
  if (file === undefined) {
    report("program-not-in-path", { file: name, path });
    programs.push({ file: name, problem: `it is in none of ${path}` });
  } else if (context.depth === 0) {
    report("program-by-path", { file: name, found: file });
  }
  return file;
}

/** The first regular file of a name in the directories of PATH; whether it can run is asked later. */
function fileInPath(name: string, path: string): string | undefined {
  return path.split(":").map((directory) => `${directory}/${name}`).find(isFile);
}

/** Checks a program, and returns whether it can run. */
function checkProgram(
  file: string,
  { found, programs, report, runAs, isAlone, confined }: Context,
): boolean {
  const { user, asAgent } = found;
  const status = statusOf(file);
  // What is no regular file is not opened: a FIFO would have to be waited for.
  const ask = () =>
    status === undefined || status.isFile()
      ? executionProblem(file) ?? (isAlone ? shellProblem(file) : undefined)
      : `${file}: it is not a regular file`;
  // Root may run whatever has an execute bit; another target of sudo's is not looked into.
  const problem = runAs === undefined ? asAgent(ask) : ask();
  programs.push({ file, problem });
  const counts = confined && runAs === undefined && status !== undefined;
  const gain = counts ? gainOf(file, status.mode) : undefined;
  if (gain !== undefined) report("no-new-privs", { file, what: gain });
  if (problem === undefined) return true;
  const values = { reason: problem, user: runAs ?? userNameOf(user) };
  if (status === undefined) {
    report("program-missing", { ...values, fix: mendMissing(file) });
  } else if (problem.startsWith(`${file}: its `) || hasWrongInterpreter(file)) {
    report("interpreter-missing", { ...values, fix: mendInterpreter(file) });
  } else {
    const fix = status.isFile() && (status.mode & 0o111) === 0 ? `chmod a+x ${file}` : "";
    report("program-not-executable", { ...values, fix: fix || mendPath(file, found) });
  }
  return false;
}

/** What gives a program more rights than the user who starts it; undefined where nothing does. */
function gainOf(file: string, mode: number): string | undefined {
  if ((mode & 0o4000) !== 0) return "the set-user-ID bit";
  if ((mode & 0o2010) === 0o2010) return "the set-group-ID bit";
  return hasFileCapabilities(file) ? "the capabilities" : undefined;
}

/** Checks a file that an interpreter reads. */
function checkScript(file: string, { found, programs, report, runAs }: Context): void {
  const status = statusOf(file);
  const ask = () =>
    status === undefined || status.isFile()
      ? readingProblem(file)
      : `${file}: it is not a regular file`;
  const reason = runAs === undefined ? found.asAgent(ask) : ask();
  programs.push({ file, problem: reason });
  if (reason === undefined) return;
  const values = { reason, user: runAs ?? userNameOf(found.user) };
  if (status === undefined) report("program-missing", { ...values, fix: mendMissing(file) });
  else {report("program-not-executable", {
      ...values,
      fix: mendPath(file, found) || `chmod a+r ${file}`,
    });}
}

function readingProblem(file: string): string | undefined {
  try {
    readFile(file, 1);
    return undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return `${file}: ${describeErrno(error.errno)}`;
  }
}

function checkRunner(
  base: string,
  file: string,
  args: readonly Word[],
  context: Context,
): void {
  const { valued, words } = RUNNERS[base]!;
  let at = 0;
  let target = "root";
  for (; at < args.length; at++) {
    const word = args[at];
    if (word === undefined) return;
    if (word === "--") {
      at++;
      break;
    }
    if (isAssignment(word) && (base === "env" || base === "sudo")) continue;
    if (!word.startsWith("-") || word === "-") break;
    // A list or an edit of files runs no program.
    if (base === "sudo" && /^-[A-Za-z]*[lvke]/.test(word)) return;
    const letter = word[1]!;
    const takesNext = word.length === 2 && valued.includes(letter);
    const value = takesNext ? args[++at] : word.slice(2);
    if (base === "sudo" && letter === "u" && value !== undefined) target = value;
    if (base === "sudo" && word.startsWith("--user=")) target = word.slice("--user=".length);
    if (base === "flock" && letter === "c") return;
  }
  const rest = args.slice(at + words);
  if (base !== "sudo") return checkWords(rest, context);
  checkSudo(file, rest, target, context);
}

function checkSudo(
  sudo: string,
  words: readonly Word[],
  target: string,
  context: Context,
): void {
  const { report, found, host } = context;
  const status = statusOf(sudo);
  if (status !== undefined && ((status.mode & 0o4000) === 0 || status.uid !== 0)) {
    report("sudo-not-set-uid", { file: sudo });
  }
  checkWords(words, { ...context, runAs: target });
  const [name, ...args] = words;
  const { user } = found;
  if (name === undefined || user === undefined) return;
  const file = name.startsWith("/") ? name : fileInPath(name, SECURE_PATH);
  if (file === undefined) return;
  const isKnown = args.every((word) => word !== undefined && !word.includes(ARGUMENT));
  const groups = groupsOf({ account: accountOf(user.uid), gid: user.gid });
  const answer = askSudoers(host.sudoers(), {
    ...{ user: user.name, uid: user.uid, target, file },
    groups: groups.map((gid) => ({ gid, name: groupNameOfId(gid) })),
    host: hostName().split(".")[0]!,
    args: isKnown ? args.map((word) => word!) : undefined,
  });
  const rule = `echo '${user.name} ALL=(${target}) NOPASSWD: ${file}' >> /etc/sudoers.d/nrpe`;
  switch (answer.kind) {
    case "runs":
      return;
    case "no rule":
      return report("sudo-no-rule", { user: user.name, file, target, fix: rule });
    case "password":
      return report("sudo-password", { user: user.name, file, fix: rule });
    case "requiretty":
      return report("sudo-requiretty", { user: user.name, where: answer.where });
    case "not known": {
      const { reason } = answer;
      return report("sudo-not-checked", { user: user.name, file, reason });
    }
  }
}

/** `sh -c 'commands'`, or a script. */
function checkShell(args: readonly Word[], context: Context): void {
  let at = 0;
  let reads = false;
  for (; args[at]?.startsWith("-"); at++) reads ||= /^-[a-z]*c/.test(args[at]!);
  const word = args[at];
  if (word === undefined) return;
  if (!reads) {
    if (word.startsWith("/") && !word.includes(ARGUMENT)) checkScript(word, context);
    return;
  }
  for (const words of simpleCommands(word)) checkWords(words, { ...context, inShell: true });
}

/** Where a missing program may be instead. */
function mendMissing(file: string): string {
  const slash = file.lastIndexOf("/");
  const [directory, name] = [file.slice(0, slash), file.slice(slash + 1)];
  const other = PLUGIN_DIRECTORIES.find((one) => isFile(`${one}/${name}`));
  if (other !== undefined) return `write ${other}/${name}`;
  const like = pluginLike(name, filesIn(directory));
  return like === undefined
    ? `install it, or correct the path: command -v ${name}`
    : `write ${directory}/${like}`;
}

/** What the names of most plugins begin with, so that it tells nothing apart. */
const PLUGIN_PREFIX = "check_";
/** Of how many letters, the prefix apart, one may be wrong: check_ntp is no mistake for check_nntp. */
const LETTERS_PER_MISTAKE = 4;
/** The monitoring server's end, which no command of an agent runs. */
const CLIENT = "check_nrpe";

/** The plugin among some files that a missing one was probably to be. */
function pluginLike(name: string, files: readonly string[]): string | undefined {
  const prefix = name.startsWith(PLUGIN_PREFIX) ? PLUGIN_PREFIX : "";
  const stems = files.filter((file) => file.startsWith(prefix) && file !== CLIENT).map((file) =>
    file.slice(prefix.length)
  );
  const like = nearest(name.slice(prefix.length), stems, LETTERS_PER_MISTAKE);
  return like === undefined ? undefined : prefix + like;
}

function filesIn(directory: string): readonly string[] {
  try {
    return listDirectory(directory === "" ? "/" : directory).files;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return [];
  }
}

function hasWrongInterpreter(file: string): boolean {
  return firstLineOf(file)?.endsWith("\r") ?? false;
}

function mendInterpreter(file: string): string {
  const line = firstLineOf(file) ?? "";
  if (line.endsWith("\r")) return `sed -i 's/\\r$//' ${file}`;
  const interpreter = /^#![ \t]*([^ \t]+)/.exec(line)?.[1];
  if (interpreter === undefined) {
    return shellProblem(file) === undefined ? "" : `sed -i '1i #!/bin/sh' ${file}`;
  }
  const name = interpreter.slice(interpreter.lastIndexOf("/") + 1);
  const other = fileInPath(name, SECURE_PATH);
  return other === undefined ? `install ${name}` : `sed -i '1s|${interpreter}|${other}|' ${file}`;
}

/** The first line of a script. */
function firstLineOf(file: string): string | undefined {
  if (!isFile(file)) return undefined;
  try {
    const start = decodeBytes(readFile(file, 256));
    return start.startsWith("#!") ? start.split("\n", 1)[0] : undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
}

/** The line that lets the agent's user through the first directory that does not. */
export function mendPath(file: string, { user, asAgent }: FoundUser): string {
  for (let at = file.indexOf("/", 1); at > 0; at = file.indexOf("/", at + 1)) {
    const directory = file.slice(0, at);
    if (!asAgent(() => mayEnter(directory))) return `chmod a+x ${directory}`;
  }
  return statusOf(file)?.isFile() ? `chgrp ${groupNameOf(user)} ${file} && chmod g+rx ${file}` : "";
}

function mayEnter(directory: string): boolean {
  return statusOf(`${directory}/.`) !== undefined;
}

function isFile(file: string): boolean {
  return statusOf(file)?.isFile() ?? false;
}
