/** Station: is anything listening on the port, what, and does it speak NRPE. */
import { probe, type ProbeResult } from "../../client/probe.ts";
import { VERSION_QUERY } from "../../client/probe_target.ts";
import type { WholeConfig } from "../../config/config.ts";
import { printable } from "../../log.ts";
import type { AccessTrace } from "../access_trace.ts";
import { baseName } from "../starters/read_text.ts";
import { type DoctorFinding, hint, lineOf, ok, problem, warning } from "./finding.ts";
import { boundAddress } from "./bound_address.ts";
import { isThisAgent } from "./invocation.ts";
import {
  holdersOf,
  type HostProcess,
  type Listener,
  listeners,
  processesNamed,
  sharesFiles,
} from "./processes.ts";
import type { Invoked, Starter } from "./starter.ts";
import { decidedBy } from "./tables.ts";
import { lastWords, unitFailure, unitNotListening } from "./unit_failure.ts";
import type { UnitStarter } from "./units.ts";
import { statusOf } from "../../system/path_status.ts";

const INETDS: readonly string[] = ["inetd", "openbsd-inetd", "inetutils-inetd", "busybox"];
const XINETDS: readonly string[] = ["xinetd"];
/** How long the agent may take to answer, in milliseconds. */
const PATIENCE = 10_000;
const INETD_CONF = "/etc/inetd.conf";

/** What the station knows of the ones before. */
export interface ListeningQuestion {
  readonly invoked: readonly Invoked[];
  /** The port that clients ask where no starter says one. */
  readonly port: number;
  readonly self: string;
  /** What the tables say about this host itself. */
  readonly loopback: AccessTrace | undefined;
  /** Whether `allowed_hosts` keeps this host out of a daemon. */
  readonly loopbackAllowed: boolean;
  /** Whether the configuration speaks TLS where the command line does. */
  readonly tls: boolean;
  readonly clientCertificates: boolean;
  readonly config: WholeConfig | undefined;
}

/** The processes that may start the agent: inetd, xinetd. */
export function superServers(): readonly HostProcess[] {
  return processesNamed([...INETDS, ...XINETDS]).filter((found) =>
    found.name !== "busybox" || found.argv.some((word) => baseName(word) === "inetd")
  );
}

/** Checks each port that a starter names. */
export async function checkListening(
  question: ListeningQuestion,
): Promise<readonly DoctorFinding[]> {
  const findings: DoctorFinding[] = [];
  const all = listeners();
  const seen = new Set<number>();
  for (const { starter, serve } of question.invoked) {
    const port = starter.port ?? question.port;
    if (seen.has(port)) continue;
    seen.add(port);
    const tls = question.tls && (serve?.tls ?? true);
    findings.push(...await checkPort(question, starter, port, tls, all));
  }
  if (seen.size === 0) {
    const found = all.filter(({ port }) => port === question.port);
    if (found.length > 0) {
      findings.push(taken(question.port, holdersOf(inodesOf(found)), undefined));
    }
  }
  return findings;
}

function inodesOf(found: readonly Listener[]): ReadonlySet<string> {
  return new Set(found.map(({ inode }) => inode));
}

async function checkPort(
  question: ListeningQuestion,
  starter: Starter,
  port: number,
  tls: boolean,
  all: readonly Listener[],
): Promise<readonly DoctorFinding[]> {
  const found = all.filter((listener) => listener.port === port);
  if (found.length === 0) return [notListening(starter, port)];
  const holders = holdersOf(inodesOf(found));
  // inetd may have the port for IPv6 alone, where another program was first with IPv4.
  for (const one of found) {
    const own = holdersOf(inodesOf([one]));
    const strange = own.every((holder) => !isExpected(holder, starter, question.self));
    if (own.length > 0 && strange) return [taken(port, own, starter)];
  }
  const findings = checkAddresses(found, port, starter, question.config);
  findings.push(...await checkAnswer(question, starter, found, holders, port, tls));
  return findings;
}

/** Whether a process holds the port for a starter. */
function isExpected(
  { name, executable, pid }: HostProcess,
  starter: Starter,
  self: string,
): boolean {
  if (isThisAgent(executable, self)) return true;
  switch (starter.by) {
    case "inetd":
      return INETDS.includes(name);
    case "xinetd":
      return XINETDS.includes(name);
    case "systemd":
      return pid === 1 || name === "systemd";
    case "process":
      return false;
  }
}

function describe({ pid, name, argv, unit }: HostProcess): string {
  const words = argv.join(" ").slice(0, 200) || name;
  return `process ${pid}: ${printable(words)}${unit === undefined ? "" : ` (${unit})`}`;
}

function taken(
  port: number,
  holders: readonly HostProcess[],
  starter: Starter | undefined,
): DoctorFinding {
  const [holder] = holders;
  if (holder === undefined) {
    const message = `something listens on port ${port}, and nothing here is to start it`;
    return warning("port-held", message, { evidence: `/proc/net/tcp: port ${port}` });
  }
  const fix = holder.pid === 1
    ? "systemctl list-sockets"
    : holder.unit === undefined
    ? `kill ${holder.pid}`
    : `systemctl disable --now ${holder.unit}`;
  const instead = starter === undefined ? "" : `, so ${starter.by} cannot`;
  const message = `${printable(holder.name)} listens on port ${port}${instead}`;
  return problem("port-taken", message, { evidence: describe(holder), fix });
}

/** Why nothing listens, by what is running. */
function notListening(starter: Starter, port: number): DoctorFinding {
  const evidence = `no socket listens on port ${port}`;
  if (starter.by === "systemd") return unitNotListening(starter as UnitStarter, port);
  if (starter.by === "process") {
    return problem("not-listening", `nothing listens on port ${port}`, { evidence });
  }
  const names = starter.by === "inetd" ? INETDS : XINETDS;
  const running = superServers().filter(({ name }) => names.includes(name));
  // Another container's has other files.
  const own = running.filter((found) => sharesFiles(found) || configOf(found) === starter.file);
  const [first] = own;
  if (first === undefined) {
    return problem(`${starter.by}-not-running`, `${starter.by} is not running`, {
      evidence: `${evidence}, and no process is called ${names[0]}`,
      fix: startCommand(starter.by),
    });
  }
  const other = configOf(first);
  if (other !== starter.file && starter.by === "inetd") {
    return problem("inetd-other-file", `inetd reads ${other}, and not ${starter.file}`, {
      evidence: describe(first),
      fix: `kill ${first.pid}; inetd ${starter.file}`,
    });
  }
  const message =
    `${starter.by} runs and does not listen on port ${port}: it has not read its file ` +
    "again, or could not use the line";
  return problem(`${starter.by}-not-reloaded`, message, {
    evidence: describe(first),
    fix: `kill -HUP ${first.pid}`,
  });
}

/** The file that an inetd reads: the argument that is no option. */
function configOf({ name, argv }: HostProcess): string {
  if (XINETDS.includes(name)) {
    const at = argv.indexOf("-f");
    return at < 0 ? "/etc/xinetd.conf" : argv[at + 1] ?? "";
  }
  return argv.slice(1).find((word) => word.startsWith("/")) ?? INETD_CONF;
}

function startCommand(by: "inetd" | "xinetd"): string {
  const programs = by === "xinetd"
    ? ["/usr/sbin/xinetd"]
    : ["/usr/sbin/inetd", "/usr/sbin/inetutils-inetd"];
  const program = programs.find((path) => statusOf(path) !== undefined);
  if (program === undefined) return `apt-get install ${by === "xinetd" ? by : "openbsd-inetd"}`;
  if (statusOf("/run/systemd/system") !== undefined) return `systemctl enable --now ${by}`;
  const script = [`/etc/init.d/${by}`, "/etc/init.d/openbsd-inetd"].find((path) =>
    statusOf(path) !== undefined
  );
  return script === undefined ? program : `${script} start`;
}

function checkAddresses(
  found: readonly Listener[],
  port: number,
  starter: Starter,
  config: WholeConfig | undefined,
): DoctorFinding[] {
  const isLocal = ({ address }: Listener) => address.startsWith("127.") || address === "::1";
  if (!found.every(isLocal)) return [];
  const places = found.map(({ address }) => address).join(", ");
  const message = `port ${port} is open to this host alone: no monitoring server gets through`;
  const bound = boundAddress(starter, config);
  const where = bound === undefined ? "" : `; ${bound.evidence}`;
  return [warning("loopback-alone", message, {
    evidence: `it listens on ${places}${where}`,
    fix: bound?.fix,
  })];
}

async function checkAnswer(
  question: ListeningQuestion,
  starter: Starter,
  found: readonly Listener[],
  holders: readonly HostProcess[],
  port: number,
  tls: boolean,
): Promise<readonly DoctorFinding[]> {
  const { loopback } = question;
  const commands =
    loopback?.effects.filter(({ effect }) =>
      ["spawn", "twist", "aclexec"].includes(effect.option)
    ) ?? [];
  if (commands.length > 0) {
    const message = "the agent is not asked: the rule for this host runs a command";
    return [hint("not-asked", message, { evidence: decidedBy(loopback!) })];
  }
  const inet4 = found.find(({ family }) => family === 4);
  const ask = (host: string, withTls: boolean) =>
    probe({ host, port, tls: withTls, query: VERSION_QUERY, timeout: PATIENCE });
  const wanted = inet4?.address ?? "127.0.0.1";
  let result = await ask(wanted === "*" ? "127.0.0.1" : wanted, tls);
  const findings: DoctorFinding[] = [];
  if (inet4 === undefined && isRefusedConnection(result)) {
    const [inet6] = found;
    const message = `port ${port} is open to IPv6 alone`;
    findings.push(problem("ipv6-alone", message, {
      evidence: `${lineOf(starter.file, starter.line, starter.text)}; 127.0.0.1 refuses`,
      ...starter.by === "inetd" ? { fix: starter.text.trim().replace(/\btcp6\b/, "tcp") } : {},
    }));
    result = await ask(inet6!.address === "*" ? "::1" : inet6!.address, tls);
  }
  findings.push(judge(question, starter, holders, result, tls));
  return findings;
}

function isRefusedConnection({ outcome }: ProbeResult): boolean {
  return outcome.kind === "failed" && outcome.code === "connection-refused";
}

/** What an answer, or none, means here. */
function judge(
  { loopback, loopbackAllowed, clientCertificates }: ListeningQuestion,
  starter: Starter,
  holders: readonly HostProcess[],
  { outcome, target }: ProbeResult,
  tls: boolean,
): DoctorFinding {
  const where = `${target.host} port ${target.port}, ${tls ? "TLS" : "plain"}`;
  if (outcome.kind === "answered") {
    return ok("answers", `the agent answers: ${printable(outcome.text)}`, { evidence: where });
  }
  const { code, message } = outcome;
  const evidence = `${where}: ${message}; ${lineOf(starter.file, starter.line, starter.text)}`;
  const isRefusal = code === "closed";
  if (isRefusal && loopback?.verdict === "denied") {
    const seen = decidedBy(loopback);
    return ok("closed", "the agent refuses this host, as the access tables say", {
      evidence: seen,
    });
  }
  if (isRefusal && !loopbackAllowed && !starter.passesSockets) {
    return ok("closed", "the agent refuses this host, as allowed_hosts says", { evidence: where });
  }
  if (clientCertificates && tls && (isRefusal || code === "tls-alert")) {
    const more = "the agent asks for a client certificate, and this host has none to show";
    return ok("client-certificate", more, { evidence: `${where}: ${message}` });
  }
  const failure = starter.by === "systemd" ? unitFailure(starter as UnitStarter) : undefined;
  if (failure !== undefined) return failure;
  const reload = reloadOf(starter, holders);
  if (code === "speaks-tls" || code === "speaks-no-tls") {
    const speaks = code === "speaks-tls" ? "speaks TLS" : "speaks no TLS";
    const more =
      `what listens ${speaks}, unlike the files say: ${starter.by} has not read them again`;
    return problem("tls-mismatch", more, { evidence, fix: reload });
  }
  if (code === "not-nrpe") {
    const [holder] = holders;
    const who = holder === undefined ? "" : `; ${describe(holder)}`;
    return problem("not-nrpe", "what listens does not speak NRPE", {
      evidence: `${where}: ${message}${who}`,
      fix: reload,
    });
  }
  const more = isRefusal
    ? "the agent closes the connection without a word"
    : `the agent does not answer: ${message}`;
  const words = starter.by === "systemd" ? lastWords(starter as UnitStarter) : "";
  return problem(isRefusal ? "closed" : "no-answer", more, {
    evidence: `${evidence}${words}`,
    fix: reload,
  });
}

/** What makes a starter read its files again. */
function reloadOf(starter: Starter, holders: readonly HostProcess[]): string {
  if (starter.by === "systemd") {
    return `systemctl daemon-reload && systemctl restart ${(starter as UnitStarter).entry.name}`;
  }
  const names = starter.by === "inetd" ? INETDS : XINETDS;
  const holder = holders.find(({ name }) => names.includes(name));
  return holder === undefined ? `pkill -HUP ${starter.by}` : `kill -HUP ${holder.pid}`;
}
