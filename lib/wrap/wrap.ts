/**
 * A service behind the access tables, as tcpd(8) has it: the tables are asked about the client, and the
 * process becomes the service, or ends.
 */
import { blockingEffects } from "../access/blocking_effects.ts";
import { consultTables } from "../access/consult_tables.ts";
import type { EffectRunner } from "../access/effect_runner.ts";
import { inheritedVariables, variableName } from "../command/environment.ts";
import { DIRECTIVES } from "../config/settings.ts";
import { CANNOT_SERVE, SERVED } from "../exit_status.ts";
import { FACILITIES, type Log, Severity } from "../log.ts";
import { passedDescriptors } from "../serve/passed_descriptors.ts";
import { cleanSignals } from "../system/clean_start.ts";
import { execInPlace } from "../system/exec.ts";
import { dropIpOptions, holdsSourceRoute, ipOptionsOf } from "../system/ip_options.ts";
import { describeErrno, Errno, SystemError } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { startersOpenFiles } from "../system/open_files.ts";
import { openLog } from "../system/open_log.ts";
import { isSocket, serverEndOf } from "../system/socket.ts";
import { UNKNOWN } from "../wrappers/request.ts";
import { type Caller, callerOn, leaveCaller } from "./caller.ts";

/** A program that serves on the descriptors that this process has. */
export interface Service {
  /** Its name in the tables and in syslog. */
  readonly daemon: string;
  /** The files to try in turn; the first that can be executed is the program. */
  readonly files: readonly string[];
  readonly argv: readonly string[];
}

/** The tables of a program that reads no nrpe.cfg. */
const TABLES = {
  hosts_allow_file: DIRECTIVES.hosts_allow_file.byDefault,
  hosts_deny_file: DIRECTIVES.hosts_deny_file.byDefault,
  debug: false,
};

/**
 * Serves the client on descriptor 0, or on the one that a service manager has passed, by becoming the
 * service.
 * @returns The exit status: 0 when the client was refused, 2 when the service cannot be executed.
 */
export async function wrap(service: Service): Promise<number> {
  cleanSignals();
  const { daemon } = service;
  const log = wrapLog(daemon);
  const caller = callerOn(passedDescriptors()[0] ?? Stdio.input, log);
  if (!admitsIpOptions(caller, log)) {
    leaveCaller(caller, false);
    return SERVED;
  }
  const { client } = caller;
  const server = () => isSocket(caller.fd) ? serverEndOf(caller.fd) : undefined;
  const connection = { client, server, daemon, logsGranted: true, hints: false };
  const runner = effectsFor(caller);
  const { admitted, bannerSent, variables } = await consultTables(TABLES, log, connection, runner);
  if (!admitted) {
    leaveCaller(caller, bannerSent);
    return SERVED;
  }
  const { file, errno } = become(service, variables);
  log(Severity.error, `error: cannot execute ${file}: ${describeErrno(errno)}`);
  leaveCaller(caller, bannerSent);
  return CANNOT_SERVE;
}

/**
 * Takes the options of IPv4 off a connection, as Debian's tcpd does.
 * @returns Whether it may go on: one that was routed by its sender may not.
 */
function admitsIpOptions({ fd, by, client }: Caller, log: Log): boolean {
  const options = by === "connection" ? ipOptionsOf(fd) : new Uint8Array();
  if (options.length === 0) return true;
  const from = `connect from ${client?.address ?? UNKNOWN}`;
  if (holdsSourceRoute(options)) {
    log(Severity.warning, `refused ${from} with IP source routing options`);
    return false;
  }
  log(Severity.notice, `${from} with IP options (ignored): ${options.toHex()}`);
  try {
    dropIpOptions(fd);
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log(Severity.error, `refused ${from}: ${error.message}`);
    return false;
  }
}

/** The log of a service: syslog, facility daemon, under the service's name. */
export function wrapLog(program: string): Log {
  return openLog({
    log_facility: FACILITIES.daemon,
    log_file: undefined,
    disable_syslog: false,
    log_format: "text",
    debug: false,
    program,
  });
}

function effectsFor({ fd, by }: Caller): EffectRunner {
  const effects = blockingEffects(fd, environmentWith);
  // RFC 1413 is about connections.
  return by === "connection" ? effects : { ...effects, askUser: () => Promise.resolve(undefined) };
}

/** This process's environment with some variables set, each as setenv(3) does it. */
function environmentWith(variables: readonly string[]): readonly string[] {
  const environment = [...inheritedVariables()];
  for (const variable of variables) {
    const name = variableName(variable);
    const at = environment.findIndex((known) => variableName(known) === name);
    if (at < 0) environment.push(variable);
    else environment[at] = variable;
  }
  return environment;
}

/** Becomes the service. Returns only where that fails: the file, and why. */
function become(
  { files, argv }: Service,
  variables: readonly string[],
): { readonly file: string; readonly errno: number } {
  const environment = environmentWith(variables);
  const openFiles = startersOpenFiles();
  let failure = { file: argv[0] ?? "", errno: Errno.ENOENT as number };
  for (const file of files) {
    try {
      execInPlace({ file, argv, environment }, openFiles);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // As in execvp(3): a file that is there is the better reason.
      if (error.errno !== Errno.ENOENT || failure.errno === Errno.ENOENT) {
        failure = { file, errno: error.errno };
      }
      if (error.errno !== Errno.ENOENT && error.errno !== Errno.EACCES) break;
    }
  }
  return failure;
}
