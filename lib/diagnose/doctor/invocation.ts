/**
 * What inetd, xinetd and systemd have in common: a program, its arguments and a user.
 */
import { type Invocation, parseCommandLine, type Serve } from "../../cli.ts";
import { nearest } from "../../nearest.ts";
import { findAccount, findGroup } from "../../system/account.ts";
import { baseName, fileSystem, readText } from "../starters/read_text.ts";
import { type DoctorFinding, lineOf, ok, problem, warning } from "./finding.ts";
import type { Invoked, Starter, StarterContext } from "./starter.ts";
import { pathBytes, statusOf } from "../../system/path_status.ts";
import { userNamed } from "../lint/file_mode.ts";
import { accessProblem, describeStatus, Permission } from "./user_access.ts";

/** Where tcpd(8) of Debian looks for a daemon without a path. */
const REAL_DAEMON_DIRECTORY = "/usr/sbin";

const LONG_OPTIONS: readonly string[] = [
  ...["--inetd", "--daemon", "--no-forking", "--src", "--no-ssl", "--config", "--ipv4", "--ipv6"],
  ...["--dont-chdir"],
];

/** Where an nrpe.cfg usually is. */
export const USUAL_CONFIGS: readonly string[] = [
  ...["/etc/nagios/nrpe.cfg", "/etc/nrpe.cfg", "/etc/nrpe/nrpe.cfg", "/etc/icinga/nrpe.cfg"],
  ...["/usr/local/nagios/etc/nrpe.cfg", "/usr/local/etc/nrpe.cfg"],
];

/** Checks the program, its arguments and its user. */
export function checkInvocation(
  starter: Starter,
  context: StarterContext,
): { readonly findings: readonly DoctorFinding[]; readonly invoked: Invoked } {
  const findings: DoctorFinding[] = [];
  const evidence = lineOf(starter.file, starter.line, starter.text);
  const say = (
    code: string,
    message: string,
    fix: string,
    make: typeof problem = problem,
    place = evidence,
  ) => void findings.push(make(code, message, { evidence: place, fix }));

  let { program, argv } = starter;
  if (baseName(program) === "tcpd") {
    const [first = ""] = argv;
    const real = first.startsWith("/") ? first : `${REAL_DAEMON_DIRECTORY}/${first}`;
    const agent = isThisAgent(real, context.self) ? real : context.self;
    const name = baseName(first) || "nrpe";
    const fix = starter.with({ program: agent, argv: [name, ...argv.slice(1)] });
    if (statusOf(program) === undefined) {
      say("tcpd-missing", `${program} does not exist; this agent asks the tables itself`, fix);
    } else {
      say(
        "tcpd-in-front",
        "tcpd asks the tables, and the agent asks them again: commands of their rules run twice",
        fix,
      );
    }
    program = real;
  }
  checkProgram(starter, program, context, say);

  const [name] = argv;
  if (name === undefined || name.startsWith("-")) {
    const options = name === undefined ? ["-c", context.config, "--inetd"] : argv;
    const lost = name === undefined ? "no arguments are given" : `${name} is taken for it`;
    argv = ["nrpe", ...options];
    say("argv0-missing", `the program's own name is missing: ${lost}`, starter.with({ argv }));
  }
  const invocation = parseCommandLine(argv.slice(1));
  argv = checkArguments(starter, argv, invocation, context, say);
  const parsed = parseCommandLine(argv.slice(1));
  const serve = parsed.kind === "serve" ? parsed : undefined;
  const usable = invocation.kind === "serve" ? serve : undefined;
  if (usable !== undefined) checkConfigOption(starter, argv, usable, context, say);
  checkUser(starter, serve, context, (code, message, fix) => {
    const field = code.startsWith("group-") ? "group" : "user";
    say(code, message, fix, problem, starter.placeOf?.(field));
  });
  if (findings.length === 0) {
    findings.push(ok("starter", `${starter.by} starts this program`, { evidence }));
  }
  return { findings, invoked: { starter, serve: usable, user: starter.user } };
}

type Say = (
  code: string,
  message: string,
  fix: string,
  make?: typeof problem,
  place?: string,
) => void;

function checkProgram(
  starter: Starter,
  program: string,
  { self }: StarterContext,
  say: Say,
): void {
  const replaced = () =>
    baseName(starter.program) === "tcpd"
      ? starter.with({ program: self, argv: ["nrpe", ...starter.argv.slice(1)] })
      : starter.with({ program: self });
  if (!program.startsWith("/")) {
    return say("program-relative", `"${program}" is not an absolute path`, replaced());
  }
  const status = statusOf(program);
  if (status === undefined) {
    return say("program-missing", `${program} does not exist`, replaced());
  }
  if (!status.isFile()) {
    return say("program-no-file", `${program} is no file that can be executed`, replaced());
  }
  if ((status.mode & 0o111) === 0) {
    const seen = describeStatus(status);
    return say("program-mode", `${program} is not executable (${seen})`, `chmod 755 ${program}`);
  }
  if (!isThisAgent(program, self)) {
    return say("other-program", `${program} is another program than this agent`, replaced());
  }
  const mount = noexecMount(program);
  if (mount !== undefined) {
    say(
      "program-noexec",
      `${program} is on ${mount}, which is mounted noexec`,
      `mount -o remount,exec ${mount}`,
    );
  }
  const user = starter.user === undefined ? undefined : userNamed(starter.user);
  const denied = user === undefined ? undefined : accessProblem(program, user, Permission.execute);
  if (user === undefined || denied === undefined) return;
  const fix = denied.isOnWay ? `chmod a+x ${denied.path}` : `chmod 755 ${denied.path}`;
  const message = `${user.name} may not execute ${program}: ${denied.path} has ${denied.seen}`;
  say("program-permission", message, fix);
}

/** How much of the end of a program is searched for the name of its section. */
const SECTION_NAMES = 65536;

/** Whether a file is this agent, perhaps of another version: a program with this runtime inside. */
export function isThisAgent(path: string, self: string): boolean {
  const [one, other] = [statusOf(path), statusOf(self)];
  if (one === undefined || !one.isFile()) return false;
  if (one.ino === other?.ino && one.dev === other.dev) return true;
  const end = readText(path, SECTION_NAMES);
  return end.kind === "text" && end.text.includes(".bun\0");
}

/** The mount point of a file that nothing may be executed from; see proc_pid_mounts(5). */
function noexecMount(path: string): string | undefined {
  const mounts = readText("/proc/self/mounts");
  if (mounts.kind !== "text") return undefined;
  let found: { readonly point: string; readonly options: string } | undefined;
  const real = realPath(path);
  for (const line of mounts.text.split("\n")) {
    const [, point = "", , options = ""] = line.split(" ");
    const holds = point === "/" || real === point || real.startsWith(`${point}/`);
    if (point !== "" && holds && point.length >= (found?.point.length ?? 0)) {
      found = { point, options };
    }
  }
  return found?.options.split(",").includes("noexec") ? found.point : undefined;
}

function realPath(path: string): string {
  try {
    return fileSystem().realpathSync(pathBytes(path), { encoding: "latin1" });
  } catch {
    return path;
  }
}

/** Checks the options and the mode; returns the arguments as they should be. */
function checkArguments(
  starter: Starter,
  argv: readonly string[],
  invocation: Invocation,
  { config }: StarterContext,
  say: Say,
): readonly string[] {
  const mode = starter.passesSockets ? "--inetd" : "-f";
  const amended = (code: string, message: string, words: readonly string[]) => {
    say(code, message, starter.with({ argv: words }));
    return words;
  };
  if (invocation.kind === "usage") {
    if (invocation.problem.startsWith("no mode")) {
      return amended("mode-missing", `the arguments have no ${mode}: the agent serves nobody`, [
        ...argv,
        mode,
      ]);
    }
    const repaired = repairOptions(argv, config, mode);
    return amended("option-unknown", `the agent does not start: ${invocation.problem}`, repaired);
  }
  if (invocation.kind !== "serve") {
    const words = argv.filter((word) =>
      !/^(-[Vhl]|--(version|help|license)|--look-up)$/.test(word)
    );
    const complete = parseCommandLine(words.slice(1)).kind === "serve" ? words : [...words, mode];
    return amended("text-option", "the arguments make the agent print a text and end", complete);
  }
  if (starter.passesSockets && invocation.mode !== "inetd") {
    const words = argv.map((word) =>
      /^(-[dfs]|--(daemon|no-forking|src))$/.test(word)
        ? "--inetd"
        : /^-[a-zA-Z46]*[dfs]/.test(word) && !word.startsWith("--")
        ? word.replace(/[dfs]/, "i")
        : word
    );
    const message = `the agent is started as a daemon where ${starter.by} passes connections on`;
    return amended("daemon-mode", message, words);
  }
  if (!starter.passesSockets && invocation.mode === "inetd") {
    const words = argv.map((word) =>
      word.startsWith("--") ? word.replace(/^--in.*/, "-f") : word.replace(/^(-\w*)i/, "$1f")
    );
    const message = "--inetd waits for a connection, but nothing passes one on";
    return amended("inetd-mode", message, words);
  }
  const stray = strayWords(argv);
  const [word] = stray;
  if (word === undefined) return argv;
  const at = argv.indexOf(word, 1);
  if (/\.cfg$/.test(word) && invocation.config === "nrpe.cfg") {
    const words = [...argv.slice(0, at).filter((other) => other !== "c"), "-c", ...argv.slice(at)];
    return amended("config-option-missing", `-c is missing in front of ${word}`, words);
  }
  const words = argv.filter((_, index) => index === 0 || !stray.includes(argv[index]!));
  const message = `the agent ignores the word "${word}"`;
  say("stray-word", message, starter.with({ argv: words }), warning);
  return argv;
}

/** Replaces unknown options by those that were probably meant, and leaves out the others. */
function repairOptions(argv: readonly string[], config: string, mode: string): readonly string[] {
  const words: string[] = [];
  for (const [at, word] of argv.entries()) {
    if (at === 0 || !word.startsWith("-")) words.push(word);
    else if (word.startsWith("--")) {
      const [name = "", ...value] = word.split("=");
      const known = isKnownOption(word) ? name : nearest(name, LONG_OPTIONS);
      if (known !== undefined) words.push([known, ...value].join("="));
    } else if (isKnownOption(word)) words.push(word);
    else {
      const long = nearest(`-${word}`, LONG_OPTIONS);
      const letters = word.slice(1).replace(/[^VhlncidfsC46]/g, "");
      if (long !== undefined) words.push(long);
      else if (letters !== "") words.push(`-${letters}`);
    }
  }
  if (/^(-c|--config)$/.test(words.at(-1) ?? "")) words.push(config);
  return parseCommandLine(words.slice(1)).kind === "serve" ? words : [...words, mode];
}

function isKnownOption(word: string): boolean {
  const parsed = parseCommandLine([word, "value", "-i"]);
  return parsed.kind !== "usage";
}

/** The words that are neither options nor their values. */
function strayWords(argv: readonly string[]): readonly string[] {
  return argv.slice(1).filter((word, at) => {
    const before = argv[at]!;
    const takesValue = at > 0 && /^(-[VhlnidfsC46]*c|--co[nfig]*)$/.test(before);
    return (!word.startsWith("-") || word === "-") && !takesValue;
  });
}

function checkConfigOption(
  starter: Starter,
  argv: readonly string[],
  serve: Serve,
  context: StarterContext,
  say: Say,
): void {
  const withConfig = (path: string) =>
    starter.with({ argv: [...withoutConfig(argv), ...["-c", path]] });
  if (!argv.some((word) => /^(-\w*c|--co)/.test(word))) {
    say("config-option-missing", "no -c names nrpe.cfg", withConfig(context.config));
    return;
  }
  if (!serve.config.startsWith("/")) {
    const message = `"${serve.config}" is not an absolute path of nrpe.cfg`;
    say("config-relative", message, withConfig(context.config));
    return;
  }
  if (statusOf(serve.config) !== undefined) return;
  const other = [context.config, ...USUAL_CONFIGS].find((path) => statusOf(path)?.isFile());
  const fix = other === undefined
    ? `install -D -m 644 deploy/nrpe.cfg ${serve.config}`
    : starter.with({ argv: replaceConfig(argv, serve.config, other) });
  say("config-missing", `${serve.config} does not exist`, fix);
}

function replaceConfig(argv: readonly string[], from: string, to: string): readonly string[] {
  return argv.map((word) => word.endsWith(from) ? word.slice(0, -from.length) + to : word);
}

function withoutConfig(argv: readonly string[]): readonly string[] {
  return argv.filter((word, at) =>
    at === 0 || !/^(-c|--config)/.test(word) && !/^(-c|--config)$/.test(argv[at - 1]!)
  );
}

function checkUser(
  starter: Starter,
  serve: Serve | undefined,
  context: StarterContext,
  say: Say,
): void {
  const { user = "root", group } = starter;
  const inetd = serve === undefined ? starter.passesSockets : serve.mode === "inetd";
  const account = findAccount(user);
  if (account === undefined) {
    const fix = findAccount(context.user) === undefined || context.user === user
      ? `useradd --system --home-dir /var/lib/nagios --shell /usr/sbin/nologin ${user}`
      : starter.with({ user: context.user });
    return say("user-missing", `the user ${user} does not exist`, fix);
  }
  // A daemon that root starts becomes nrpe_user; the configuration says whether it can.
  if (account.uid === 0 && inetd) {
    const fix = starter.with({ user: context.user });
    return say("user-root", "the agent refuses to serve as root", fix);
  }
  if (group === undefined) {
    if (account.gid === 0 && inetd) {
      say("group-root", `the group of ${user} is root`, starter.with({ group: context.user }));
    }
    return;
  }
  const gid = findGroup(group);
  if (gid === undefined) {
    const own = findGroup(user) === undefined ? context.user : user;
    const fix = findGroup(own) === undefined
      ? `groupadd --system ${group}`
      : starter.with({ group: own });
    say("group-missing", `the group ${group} does not exist`, fix);
  } else if (gid === 0 && inetd) {
    const own = findGroup(user) === undefined ? context.user : user;
    say(
      "group-root",
      "the agent refuses to serve with the group root",
      starter.with({ group: own }),
    );
  }
}
