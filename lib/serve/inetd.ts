import type { Serve } from "../cli.ts";
import { pluginEnvironment } from "../command/environment.ts";
import { runBlocking } from "../command/run_blocking.ts";
import type { CommandLine } from "../command/program.ts";
import type { Config } from "../config/config.ts";
import { converse } from "./conversation.ts";
import type { Summary } from "./summary.ts";
import { CANNOT_SERVE, SERVED } from "../exit_status.ts";
import { aboutClient, type Log, Severity } from "../log.ts";
import { readConfiguration } from "./start.ts";
import { Errno, now, SystemError, userAndGroup } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import {
  awaitBytes,
  type Endpoint,
  isListening,
  lingeringClose,
  peerOf,
  serverEndOf,
} from "../system/socket.ts";
import { printLine } from "../system/terminal.ts";
import { blockingEffects } from "../access/blocking_effects.ts";
import { blockingWire } from "./blocking_wire.ts";
import { consultTables, type TablesAnswer } from "../access/consult_tables.ts";
import { passedDescriptors } from "./passed_descriptors.ts";
import { REFUSED_TIMEOUT } from "./refused_timeout.ts";

/**
 * Serves the client that inetd has accepted, on descriptor 0, or all the clients of a listening socket
 * there. A service manager may have passed the socket in its own way instead, see sd_listen_fds(3).
 * @returns The exit status: 0 when the client was served or refused, 2 when the agent cannot serve.
 */
export async function serveInetd(invocation: Serve): Promise<number> {
  const passed = passedDescriptors();
  const fd = passed[0] ?? Stdio.input;
  const peer = findPeer(fd, invocation.config);
  if (peer instanceof Promise) return await peer;
  if (peer === "listening") {
    const { serveWaiting } = await import("./wait.ts");
    const byParent = passed.length === 0;
    return await serveWaiting(invocation, byParent ? [Stdio.input] : passed, byParent);
  }
  const start = await readConfiguration(invocation.config);
  if (start === undefined) return CANNOT_SERVE;
  const { config } = start;
  const client = peer?.address ?? "unknown";
  const log = aboutClient(start.log, client);
  if (config.no_new_privs) {
    // Before the tables are asked, whose rules may start programs too.
    const { forbidNewPrivileges } = await import("../system/no_new_privileges.ts");
    forbidNewPrivileges();
  }
  const admission = config.tcp_wrappers ? await admit(config, log, fd, peer) : NOT_ASKED;
  if (admission === undefined) return SERVED;
  const { uid, gid } = userAndGroup();
  if (uid === 0 || gid === 0) {
    log(Severity.error, "Error: NRPE daemon cannot be run as user/group root!");
    return CANNOT_SERVE;
  }
  const deadline = now() + config.connection_timeout * 1000;
  let wire = blockingWire(fd);
  let tls: string | undefined;
  let certificate: Uint8Array | undefined;
  if (invocation.tls && config.ssl_enabled) {
    const { secureConnection } = await import("./inetd_tls.ts");
    const secured = await secureConnection(start, fd, peer, deadline);
    if (typeof secured === "number") {
      if (secured === SERVED && config.log_summary) {
        await sumUp(log, { client, rule: admission.rule, tls, end: { kind: "no TLS" } });
      }
      return secured;
    }
    wire = secured.wire;
    tls = secured.version;
    certificate = secured.certificate;
  } else if (config.ssl_allowed_subjects !== undefined) {
    const { PLAIN_WITH_SUBJECTS } = await import("./describe_config.ts");
    log(Severity.error, PLAIN_WITH_SUBJECTS);
    return CANNOT_SERVE;
  }
  const run = (line: CommandLine) =>
    runBlocking(line, pluginEnvironment(admission.variables), config.command_timeout);
  const end = await converse({ config, log, peer: client, certificate, deadline, run }, wire);
  // The client waits for the end of the connection; ending the process takes longer than that.
  wire.close();
  if (config.log_summary) await sumUp(log, { client, rule: admission.rule, tls, end });
  return SERVED;
}

/** Logs what became of the client, for which this process has begun. */
async function sumUp(log: Log, summary: Omit<Summary, "milliseconds">): Promise<void> {
  const { logSummary } = await import("./summary.ts");
  logSummary(log, { ...summary, milliseconds: performance.now() });
}

const NOT_ASKED: Pick<TablesAnswer, "variables" | "rule"> = { variables: [], rule: undefined };

/**
 * Asks the access tables about the client.
 * @returns The answer; undefined for a client that is refused.
 */
async function admit(
  config: Config,
  log: Log,
  fd: number,
  client: Endpoint | undefined,
): Promise<Pick<TablesAnswer, "variables" | "rule"> | undefined> {
  const connection = {
    client,
    server: () => serverEndOf(fd),
    daemon: config.daemon_name,
    logsGranted: true,
    hints: true,
  };
  const answer = await consultTables(config, log, connection, blockingEffects(fd));
  if (answer.admitted) return answer;
  const deadline = now() + REFUSED_TIMEOUT;
  if (answer.bannerSent) lingeringClose(fd, deadline);
  else awaitBytes(fd, deadline);
  return undefined;
}

/** The client of a connection, or the exit status where there is none. */
function findPeer(
  fd: number,
  config: string,
): Endpoint | undefined | "listening" | Promise<number> {
  try {
    return peerOf(fd);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === Errno.ENOTSOCK || error.errno === Errno.EBADF) {
      const problem = "standard input is no connection: this mode is for inetd, xinetd or systemd";
      printLine(Stdio.error, problem);
      return logAndEnd(config, `Error: ${problem}`, CANNOT_SERVE);
    }
    if (isListening(fd)) return "listening";
    const gone = `Could not read request from client unknown, bailing out... (${error.message})`;
    return logAndEnd(config, gone, SERVED);
  }
}

/** Logs why there is no client; returns the exit status. */
async function logAndEnd(config: string, message: string, status: number): Promise<number> {
  const { openLogOf } = await import("./logged_config.ts");
  openLogOf(config)(Severity.error, message);
  return status;
}
