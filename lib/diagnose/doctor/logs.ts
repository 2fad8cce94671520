/** What the log says about recent clients. */
import { readText } from "../starters/read_text.ts";
import { statusOf } from "../../system/path_status.ts";
import { outputOf } from "./unit_state.ts";

/** Recent lines of the log about the agent. */
export interface RecentLog {
  /** Clients that were refused, with the last line about each. */
  readonly refused: ReadonlyMap<string, string>;
  /** Clients that were let in or answered. */
  readonly admitted: ReadonlySet<string>;
  /** Clients without TLS where the agent speaks TLS, and the reverse. */
  readonly plainClients: ReadonlyMap<string, string>;
  readonly tlsClients: ReadonlyMap<string, string>;
  /** The files that were read. */
  readonly files: readonly string[];
}

const SYSLOG_FILES: readonly string[] = [
  ...["/var/log/syslog", "/var/log/messages", "/var/log/daemon.log", "/var/log/auth.log"],
  ...["/var/log/secure", "/var/log/nrpe.log"],
];

/** How much of the end of a log is read, in bytes. */
const TAIL = 1024 * 1024;
/** How many clients of each kind are kept; the last ones. */
const MOST_CLIENTS = 32;
const JOURNAL_LINES = "2000";

/**
 * Reads the ends of the logs.
 *
 * @param daemon The agent's name in the tables, and so in tcpd's lines.
 * @param logFile The `log_file` of nrpe.cfg.
 */
export function readRecentLog(daemon: string, logFile: string | undefined): RecentLog {
  const log = {
    refused: new Map<string, string>(),
    admitted: new Set<string>(),
    plainClients: new Map<string, string>(),
    tlsClients: new Map<string, string>(),
    files: [] as string[],
  };
  for (const path of logFile === undefined ? SYSLOG_FILES : [...SYSLOG_FILES, logFile]) {
    const file = readText(path, TAIL);
    if (file.kind !== "text") continue;
    log.files.push(path);
    // A file of the agent's own has no names of programs.
    for (const line of file.text.split("\n")) takeLine(log, line, path === logFile ? "" : daemon);
  }
  const journal = readJournal(daemon);
  if (journal !== undefined) {
    log.files.push("the journal");
    for (const line of journal.split("\n")) takeLine(log, line, daemon);
  }
  return log;
}

/** The journal's lines of the agent; undefined where there is no journal. */
function readJournal(daemon: string): string | undefined {
  if (statusOf("/run/systemd/journal") === undefined) return undefined;
  const identifiers = [...new Set(["nrpe", daemon, "tcpd", "xinetd"])].flatMap((
    name,
  ) => ["-t", name]);
  const options = ["-q", "--no-pager", "-n", JOURNAL_LINES, ...identifiers];
  return outputOf("/usr/bin/journalctl", ...options);
}

interface LogBuilder {
  readonly refused: Map<string, string>;
  readonly admitted: Set<string>;
  readonly plainClients: Map<string, string>;
  readonly tlsClients: Map<string, string>;
}

function takeLine(log: LogBuilder, line: string, daemon: string): void {
  const isAgent = daemon === "" ||
    [daemon, "nrpe"].some((name) => line.includes(` ${name}[`) || line.includes(` ${name}:`));
  if (!isAgent && !/ xinetd(\[[0-9]+\])?: /.test(line)) return;
  const keep = (clients: Map<string, string>, client: string) => {
    clients.delete(client);
    clients.set(client, line.trim());
    if (clients.size > MOST_CLIENTS) clients.delete(clients.keys().next().value!);
  };
  const refused = addressAtEnd(/(?:refused connect from|Host) (\S+(?: \([^)]*\))?)/, line) ??
    /FAIL: nrpe \S+ from=(\S+)/.exec(line)?.[1];
  if (refused !== undefined && /refused connect|is not allowed to talk|FAIL:/.test(line)) {
    log.admitted.delete(refused);
    return keep(log.refused, refused);
  }
  const admitted = addressAtEnd(/: connect from (\S+(?: \([^)]*\))?)/, line);
  if (admitted !== undefined) {
    log.admitted.add(admitted);
    log.refused.delete(admitted);
    return;
  }
  const client = /SSL handshake with (\S+): this is not TLS/.exec(line)?.[1];
  if (client !== undefined) keep(log.plainClients, client);
  const other = /Client (\S+) speaks TLS, and this service is plain/.exec(line)?.[1];
  if (other !== undefined) keep(log.tlsClients, other);
}

/** `NAME (ADDRESS)` or `ADDRESS`; undefined where no address is found. */
function addressAtEnd(pattern: RegExp, line: string): string | undefined {
  const who = pattern.exec(line)?.[1];
  if (who === undefined) return undefined;
  const address = /\(([^)]*)\)$/.exec(who)?.[1] ?? who;
  return /^[0-9a-fA-F.:%]+$/.test(address)
    ? address.replace(/^::ffff:(?=[0-9.]+$)/, "")
    : undefined;
}
