/** Station: the lines of inetd.conf. */
import { nearest } from "../../nearest.ts";
import { type InetdEntry, parseInetdConf } from "../starters/inetd_conf.ts";
import { type ServiceEntry, serviceNamed } from "../starters/services_file.ts";
import { type DoctorFinding, hint, lineOf, problem, warning } from "./finding.ts";
import { namesAgent, type Starter, type StarterChange, type StarterContext } from "./starter.ts";

/** A line of inetd.conf that is about the agent. */
export interface InetdStarter extends Starter {
  readonly entry: InetdEntry;
}

/** openbsd-inetd keeps so many arguments, the program's name among them. */
const MOST_ARGUMENTS = 20;
/** Below this limit of starts a minute, a monitoring server with many checks loses some. */
const FEW_STARTS = 1000;
/** What openbsd-inetd takes where no limit is written. */
const DEFAULT_STARTS = 256;

/** The lines that are about the agent, comments too. */
export function inetdStarters(
  file: string,
  text: string,
  services: readonly ServiceEntry[],
  port: number,
): readonly InetdStarter[] {
  return parseInetdConf(text).flatMap((entry) => {
    const at = portOf(entry, services);
    const about =
      [entry.service, entry.program, entry.argv[0] ?? "", entry.account].some(namesAgent) ||
      entry.argv.some((word) => word.endsWith("nrpe.cfg")) || at === port;
    return about ? [starterOf(file, entry, at)] : [];
  });
}

function portOf({ service, protocol }: InetdEntry, services: readonly ServiceEntry[]) {
  if (/^[0-9]+$/.test(service)) return Number(service);
  return serviceNamed(services, service, protocol.replace(/[46]+$/, ""))?.port;
}

function starterOf(file: string, entry: InetdEntry, port: number | undefined): InetdStarter {
  const [user = "", group] = entry.account.split(/[:.]/);
  const { address, line, text, program, argv } = entry;
  return {
    entry,
    by: "inetd",
    file,
    line,
    text,
    port,
    address: address === "*" || address === "" ? undefined : address,
    user,
    group,
    program,
    argv,
    passesSockets: true,
    with: (change) => lineWith(entry, change),
  };
}

/** The line, with changes. */
function lineWith(
  entry: InetdEntry,
  change: StarterChange & Partial<Pick<InetdEntry, "service" | "socketType" | "protocol" | "wait">>,
): string {
  const { service, socketType, protocol, wait, program, argv } = { ...entry, ...change };
  const [user, group] = entry.account.split(/[:.]/);
  const owner = change.user !== undefined
    ? change.user
    : [user, change.group ?? group].filter((word) => word !== undefined).join(":");
  const place = entry.address === undefined
    ? service
    : `${entry.address.includes(":") ? `[${entry.address}]` : entry.address}:${service}`;
  return [place, socketType, protocol, wait, owner, program, ...argv].join(" ");
}

/** The line that README.md gives, for a file that has none. */
export function newInetdLine({ self, user, config }: StarterContext): string {
  return `nrpe stream tcp wait ${user} ${self} nrpe -n -c ${config} --inetd`;
}

/** What is wrong with a line, besides the program, its arguments and its user. */
export function checkInetdLine(
  { entry, file, port }: InetdStarter,
  services: readonly ServiceEntry[],
  context: StarterContext,
): readonly DoctorFinding[] {
  const { line, text, continues, service, socketType, protocol, wait, argv } = entry;
  const evidence = lineOf(file, line, text);
  const fixed = (change: Parameters<typeof lineWith>[1]) => lineWith(entry, change);
  if (continues !== undefined) {
    const message = `the line begins with a blank, so inetd joins it to line ${continues}`;
    return [problem("inetd-continuation", message, { evidence, fix: text.trim() })];
  }
  const isWait = /^(wait|nowait)([.:/][0-9]+)?$/;
  if (!isWait.test(wait) || !/^(stream|dgram|raw|rdm|seqpacket)$/.test(socketType)) {
    const field = isWait.test(wait) ? `"${socketType}"` : `"${wait}"`;
    const message =
      `${field} stands where ${
        isWait.test(wait) ? "stream" : "wait or nowait"
      } is expected: a field ` +
      "is missing or misspelt, and inetd skips the line";
    const at = text.trim().split(/\s+/).slice(4).findIndex((word) => word.startsWith("/"));
    const rest = at < 0 ? [] : text.trim().split(/\s+/).slice(4 + at);
    const fix = rest.length > 1
      ? `${service} stream tcp wait ${context.user} ${rest.join(" ")}`
      : newInetdLine(context);
    return [problem("inetd-fields", message, { evidence, fix })];
  }
  const findings: DoctorFinding[] = [];
  if (socketType !== "stream") {
    const message = `the socket type is ${socketType}: NRPE is a service of stream`;
    const fix = fixed({ socketType: "stream", protocol: "tcp" });
    findings.push(problem("inetd-socket-type", message, { evidence, fix }));
  } else if (!/^tcp(4|6|46)?$/.test(protocol)) {
    const message = `the protocol is ${protocol}: NRPE is a service of tcp`;
    const fix = fixed({ protocol: "tcp" });
    findings.push(problem("inetd-protocol", message, { evidence, fix }));
  }
  if (port === undefined && findings.length === 0) {
    findings.push(...misspeltService(entry, file, services, context));
  }
  if (argv.length > MOST_ARGUMENTS) {
    const message =
      `openbsd-inetd passes ${MOST_ARGUMENTS} words on, and the line has ${argv.length}`;
    findings.push(problem("inetd-too-many-words", message, { evidence }));
  }
  const behindTcpd = /\/tcpd$/.test(entry.program);
  if (behindTcpd && wait.startsWith("wait")) {
    const message = "with wait, tcpd gets the listening socket and knows no client";
    findings.push(warning("inetd-wait-tcpd", message, { evidence }));
  }
  const [, nowait, limit] = /^(nowait)(?:[.:/]([0-9]+))?$/.exec(wait) ?? [];
  if (nowait !== undefined && Number(limit ?? DEFAULT_STARTS) < FEW_STARTS) {
    const message = limit === undefined
      ? `openbsd-inetd stops a nowait service at ${DEFAULT_STARTS} starts a minute`
      : `inetd stops this service at ${limit} starts a minute`;
    const make = Number(limit ?? DEFAULT_STARTS) < 30 ? warning : hint;
    findings.push(
      make("inetd-start-limit", message, { evidence, fix: fixed({ wait: "nowait.10000" }) }),
    );
  }
  return findings;
}

/** A name that is a misspelt one of /etc/services. A name that is in no entry at all is its station's. */
function misspeltService(
  { service, line, text }: InetdEntry,
  file: string,
  services: readonly ServiceEntry[],
  { port }: StarterContext,
): readonly DoctorFinding[] {
  const known = similarService(services, service, port);
  if (known === undefined) return [];
  const message = `/etc/services has no ${service}, and calls port ${port} ${known}`;
  const fix = text.trim().replace(service, known);
  return [problem("service-unknown", message, { evidence: lineOf(file, line, text), fix })];
}

/** The name of a port that a name without an entry probably means. */
export function similarService(
  services: readonly ServiceEntry[],
  name: string,
  port: number,
): string | undefined {
  const names = services.filter((entry) => entry.port === port && entry.protocol === "tcp")
    .flatMap((entry) => [entry.name, ...entry.aliases]);
  return names.includes(name) ? undefined : nearest(name, names);
}
