/**
 * check_nrpe: the file under this name asks an agent as version 4.1 of the C program does, with its
 * options, its output and its exit statuses.
 */
import { encodeBytes } from "../bytes.ts";
import { configFiles } from "../config/config_files.ts";
import { FACILITIES, printable, Severity } from "../log.ts";
import { exactArguments } from "../system/arguments.ts";
import { describeErrno, now, writeAll } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { type OpenLog, openLog } from "../system/open_log.ts";
import { TlsLogging } from "../tls/handshake.ts";
import { addressesOf, familyOf } from "./addresses.ts";
import { openChannel } from "./channel.ts";
import { type Check, CHECK_TEXTS, parseCheckNrpe, STATES } from "./check_nrpe_cli.ts";
import { type CheckTls, loadCheckTls, secureCheck } from "./check_nrpe_tls.ts";
import { askAsNagios, type NagiosReply } from "./nagios_reply.ts";
import type { SecureChannel } from "./secure.ts";

const UNKNOWN = 3;
const CRITICAL = 2;
/** The exit status for a name that does not resolve. */
const UNRESOLVED = 1;

/** What ends the check before there is a reply. */
class CheckEnded extends Error {
  /** @param status The exit status. */
  constructor(readonly status: number, readonly output: string, readonly errors = "") {
    super(output);
  }
}

/**
 * Runs check_nrpe.
 * @param args The arguments as byte strings, without the program's name.
 * @returns The exit status.
 */
export async function checkNrpe(args: readonly string[]): Promise<number> {
  const invocation = parseCheckNrpe(exactArguments(args), (path) => {
    const read = configFiles.read(path);
    return read.kind === "content" ? read.content : undefined;
  });
  if (invocation.kind === "usage") {
    const { output, error, help } = invocation;
    print(Stdio.error, error);
    print(Stdio.output, output + (help ? CHECK_TEXTS.help : ""));
    return UNKNOWN;
  }
  if (invocation.kind !== "check") {
    print(Stdio.output, CHECK_TEXTS[invocation.kind]);
    return UNKNOWN;
  }
  const { check } = invocation;
  for (const remark of check.remarks) print(Stdio.output, `${remark}\n`);
  const log = openCheckLog(check);
  try {
    return await runCheck(check, log);
  } catch (error) {
    if (!(error instanceof CheckEnded)) throw error;
    print(Stdio.output, error.output);
    print(check.errorsToOutput ? Stdio.output : Stdio.error, error.errors);
    return error.status;
  } finally {
    log.close();
  }
}

function print(fd: number, text: string): void {
  writeAll(fd, encodeBytes(text));
}

function openCheckLog({ logFile, syslog }: Check): OpenLog {
  const settings = {
    log_facility: FACILITIES.daemon,
    log_file: logFile,
    disable_syslog: !syslog,
    log_format: "text" as const,
    debug: false,
    program: "check_nrpe",
  };
  let opening = true;
  const log = openLog(settings, (_, message) => {
    // A log file that cannot be opened.
    if (opening) print(Stdio.output, `${message}\n`);
  });
  opening = false;
  return log;
}

async function runCheck(check: Check, log: OpenLog): Promise<number> {
  const deadline = now() + check.timeout * 1000;
  const tls = check.tls ? readTls(check, log) : undefined;
  const addresses = await findAddresses(check, deadline);
  const from = check.from === undefined ? undefined : await localAddress(check, deadline);
  const how = { check, addresses, from, tls, log, deadline };
  let reply = await askOnce(how, check.version);
  print(Stdio.output, lineOf(reply));
  if (reply.again) {
    reply = await askOnce(how, 2);
    print(Stdio.output, lineOf(reply));
  }
  return reply.status;
}

function lineOf({ line }: NagiosReply): string {
  return line === undefined ? "" : `${line}\n`;
}

/** All that a connection needs. */
interface Asking {
  readonly check: Check;
  readonly addresses: readonly string[];
  readonly from: string | undefined;
  readonly tls: CheckTls | undefined;
  readonly log: OpenLog;
  readonly deadline: number;
}

function readTls(check: Check, log: OpenLog): CheckTls {
  if ((check.logging & TlsLogging.startup) !== 0) {
    for (const line of startupLines(check)) log(Severity.info, line);
  }
  const loaded = loadCheckTls(check);
  if (loaded.kind === "failure") {
    log(Severity.error, loaded.reason);
    throw new CheckEnded(CRITICAL, `${loaded.reason}\n`);
  }
  return loaded.tls;
}

function startupLines(check: Check): readonly string[] {
  const { least, most } = { least: check.leastTls, most: check.mostTls };
  return [
    `SSL Certificate File: ${check.certificate ?? "None"}`,
    `SSL Private Key File: ${check.key ?? "None"}`,
    `SSL CA Certificate File: ${check.ca ?? "None"}`,
    `SSL Cipher List: ${check.ciphers ?? "of the TLS library"}`,
    `SSL Allow ADH: ${check.anonymous}`,
    `SSL Log Options: 0x${check.logging.toString(16).padStart(2, "0")}`,
    `SSL Version: ${least === most ? least : `${least} And Above`}`,
  ];
}

async function findAddresses(check: Check, deadline: number): Promise<readonly string[]> {
  const { host, family } = check;
  const unresolved = (reason: string) => {
    const errors = `Could not resolve hostname ${printable(host)}: ${reason}\n`;
    return new CheckEnded(UNRESOLVED, "", errors);
  };
  const literal = familyOf(host);
  if (literal !== undefined && (family ?? literal) !== literal) {
    throw unresolved("Address family for hostname not supported");
  }
  const found = await addressesOf(host, deadline);
  if (found.kind === "timed out") throw timedOut(check);
  const addresses = found.kind === "found"
    ? found.addresses.filter((address) => (family ?? familyOf(address)) === familyOf(address))
    : [];
  if (addresses.length === 0) throw unresolved(UNKNOWN_NAME);
  return addresses;
}

const UNKNOWN_NAME = "Name or service not known";

/** The address to connect from. */
async function localAddress(check: Check, deadline: number): Promise<string> {
  const { host, port, from = "", timeoutState } = check;
  const found = await addressesOf(from, deadline);
  if (found.kind === "timed out") throw timedOut(check);
  if (found.kind === "found") return found.addresses[0];
  const errors = `getaddrinfo: ${printable(from)}: ${UNKNOWN_NAME}\n` +
    `connect to host ${printable(host)} port ${port}: Success\n`;
  throw new CheckEnded(timeoutState, "", errors);
}

function timedOut({ timeout, timeoutState }: Check): CheckEnded {
  const state = STATES[timeoutState] ?? "";
  const output = `CHECK_NRPE STATE ${state}: Socket timeout after ${timeout} seconds.\n`;
  return new CheckEnded(timeoutState, output);
}

/** Uses one connection. */
async function askOnce(how: Asking, version: 2 | 3 | 4): Promise<NagiosReply> {
  const { check, log, tls, deadline } = how;
  const { address, channel } = await connect(how);
  try {
    if ((check.logging & TlsLogging.address) !== 0) log(Severity.info, `Connected to ${address}`);
    let secure: SecureChannel | undefined;
    if (tls !== undefined) {
      const securing = await secureCheck(
        { channel, reopen: async () => (await connect(how)).channel },
        tls,
        deadline,
      );
      if (securing.kind === "timed out") throw timedOut(check);
      if (securing.kind !== "secure") {
        const { reset, reason } = securing;
        const logged = `Error: Could not complete SSL handshake with ${address}: ${reason}`;
        log(Severity.error, logged);
        throw new CheckEnded(
          check.timeoutState,
          reset
            ? `CHECK_NRPE: Error - Could not connect to ${address}: Connection reset by peer\n`
            : `CHECK_NRPE: (ssl_err != 5) Error - Could not complete SSL handshake with ${address}: 1\n`,
        );
      }
      secure = securing.channel;
      logTls(check, log, address, secure);
    }
    const reply = await askAsNagios(
      secure ?? channel,
      check,
      version,
      secure !== undefined,
      deadline,
    );
    if (reply === undefined) throw timedOut(check);
    secure?.close();
    return reply;
  } finally {
    channel.close();
  }
}

async function connect({ check, addresses, from, deadline }: Asking) {
  const { host, port, timeoutState } = check;
  const errors: string[] = [];
  let last = "";
  for (const address of addresses) {
    const opening = await openChannel({ address, port, from }, deadline);
    if (opening.kind === "open") return { address, channel: opening.channel };
    if (opening.kind === "timed out") throw timedOut(check);
    last = describeErrno(opening.errno);
    errors.push(
      opening.code === "EADDRNOTAVAIL" && from !== undefined
        ? `bind: ${from}: ${last}\n`
        : `connect to address ${address} port ${port}: ${last}\n`,
    );
  }
  errors.push(`connect to host ${printable(host)} port ${port}: ${last}\n`);
  throw new CheckEnded(timeoutState, "", errors.join(""));
}

function logTls(
  { logging }: Check,
  log: OpenLog,
  address: string,
  { version, cipher, certificate, doubt }: SecureChannel,
): void {
  const say = (bit: number, line: string) => {
    if ((logging & bit) !== 0) log(Severity.info, line);
  };
  say(TlsLogging.version, `Remote ${address} - SSL Version: ${version}`);
  say(TlsLogging.cipher, `Remote ${address} - ${version}, Cipher is ${cipher}`);
  if (certificate === undefined) {
    say(TlsLogging.hasCertificate, `SSL Did not get certificate from ${address}`);
    return;
  }
  const validity = doubt === undefined ? "a valid" : "an invalid";
  say(TlsLogging.hasCertificate, `SSL ${address} has ${validity} certificate`);
  say(TlsLogging.certificate, `SSL ${address} Cert Name: ${certificate.subject}`);
  say(TlsLogging.certificate, `SSL ${address} Cert Issuer: ${certificate.issuer}`);
}
