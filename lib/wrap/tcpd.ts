/**
 * This file by the name tcpd, and with --wrap.
 */
import { answerLookUps } from "../access/answer_look_up.ts";
import { LOOK_UP_NAME } from "../access/look_up.ts";
import { decodeBytes } from "../bytes.ts";
import { inheritedValue } from "../command/environment.ts";
import { CANNOT_SERVE } from "../exit_status.ts";
import { canonicalPath } from "../system/directory.ts";
import { Severity } from "../log.ts";
import { readFile } from "../system/libc.ts";
import { isSocket } from "../system/socket.ts";
import { Stdio } from "../system/linux.ts";
import { setUmask } from "../system/process.ts";
import { printLine } from "../system/terminal.ts";
import { wrap, wrapLog } from "./wrap.ts";

/** Where Debian's tcpd looks for the programs of services that are not given by their path. */
const DAEMON_DIRECTORY = "/usr/sbin";
/** The umask that tcpd gives to a service, unless its rule sets another. */
const UMASK = 0o022;
/** Where execvp(3) of glibc looks for programs without PATH. */
const DEFAULT_PATH = "/bin:/usr/bin";

/**
 * Serves as tcpd(8) does. argv[0] names the service: a path, or a program below /usr/sbin. All other
 * arguments are the program's.
 * @returns The exit status; see wrap().
 */
export async function runTcpd(): Promise<number> {
  const [name = "", ...args] = ownArguments();
  if (name === LOOK_UP_NAME) return answerLookUps();
  const daemon = name.startsWith("/") ? baseName(name) : name;
  const file = name.startsWith("/") ? name : `${DAEMON_DIRECTORY}/${name}`;
  // It would start itself for ever.
  if (daemon === "" || canonicalPath(file) === canonicalPath("/proc/self/exe")) {
    return cannotServe("tcpd", "argv[0] names no service: see tcpd(8), or use --wrap");
  }
  setUmask(UMASK);
  return await wrap({ daemon, files: [file], argv: [daemon, ...args] });
}

/**
 * Serves as tcpd does, for `nrpe --wrap PROGRAM [ARGS…]`. PROGRAM is a path, or a program that is found
 * as execvp(3) does.
 * @returns The exit status; see wrap().
 */
export async function runWrap(): Promise<number> {
  const [, option, ...argv] = ownArguments();
  const [program = ""] = argv;
  const daemon = baseName(program);
  if (option !== "--wrap" || daemon === "") {
    return cannotServe("nrpe", "--wrap is the first option: nrpe --wrap PROGRAM [ARGS...]");
  }
  return await wrap({ daemon, files: filesOf(program), argv });
}

/** Says why there is no service: to syslog where standard error may be the client's connection. */
function cannotServe(program: string, problem: string): number {
  if (isSocket(Stdio.error)) wrapLog(program)(Severity.error, `error: ${problem}`);
  else printLine(Stdio.error, problem);
  return CANNOT_SERVE;
}

/** The arguments of this process, argv[0] first, as the kernel has them. */
function ownArguments(): readonly string[] {
  return decodeBytes(readFile("/proc/self/cmdline")).split("\0").slice(0, -1);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function filesOf(program: string): readonly string[] {
  if (program.includes("/")) return [program];
  const path = inheritedValue("PATH") ?? DEFAULT_PATH;
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${program}`);
}
