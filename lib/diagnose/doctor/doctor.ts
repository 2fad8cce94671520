/**
 * `nrpe --doctor`: the way of a check on this host, from the port to the answer, and what is wrong on it.
 *
 * Nothing is changed, no plugin is run and no command of a rule. The agent is asked for its version on
 * loopback, unless a rule for this host runs a command.
 */
import { encodeBytes } from "../../bytes.ts";
import { allowedHostText, isInNets } from "../../config/allowed_hosts.ts";
import { configFiles } from "../../config/config_files.ts";
import type { WholeConfig } from "../../config/config.ts";
import { loadConfig } from "../../config/load_config.ts";
import { DIRECTIVES } from "../../config/settings.ts";
import { printable } from "../../log.ts";
import { readOnce, readTableFile } from "../../access/table_files.ts";
import { findAccount } from "../../system/account.ts";
import { userAndGroup, writeAll } from "../../system/libc.ts";
import { Stdio } from "../../system/linux.ts";
import { wantsColour } from "../../system/terminal.ts";
import type { Tables } from "../../wrappers/find_rule.ts";
import { baseName, readText, textOf } from "../starters/read_text.ts";
import { parseServices } from "../starters/services_file.ts";
import { checkConfiguration, checkPidFile } from "./configuration.ts";
import { DOCTOR_HELP, DOCTOR_USAGE, parseDoctorQuestion } from "./doctor_cli.ts";
import { type DoctorFinding, hint, lineOf, problem, warning } from "./finding.ts";
import { USUAL_CONFIGS } from "./invocation.ts";
import { checkListening, superServers } from "./listening.ts";
import { readRecentLog, type RecentLog } from "./logs.ts";
import { findingsJson, findingsText } from "./report.ts";
import { checkBoundAddresses } from "./bound_address.ts";
import { checkClock, checkRuntime } from "./runtime.ts";
import { checkServices } from "./services_entry.ts";
import type { Invoked, StarterContext } from "./starter.ts";
import {
  checkStarters,
  findStarters,
  serviceNames,
  type Starters,
  startersOf,
} from "./starters.ts";
import { checkTables } from "./tables.ts";
import { statusOf } from "../../system/path_status.ts";
import { type User, userNamed } from "../lint/file_mode.ts";
import { checkOnlyFrom } from "./xinetd_sections.ts";

const EXIT_FINE = 0;
const EXIT_WARNINGS = 1;
const EXIT_PROBLEMS = 2;

const DEFAULT_CONFIG = "/etc/nagios/nrpe.cfg";
const LOOPBACK = "127.0.0.1";
const USUAL_USERS: readonly string[] = ["nagios", "nrpe", "icinga"];

/**
 * Prints the findings on stdout, or on stderr what is wrong with the command line.
 *
 * @param args The arguments of the program as byte strings, `--doctor` among them.
 * @returns The exit status.
 */
export async function doctor(args: readonly string[]): Promise<number> {
  const asked = parseDoctorQuestion(args);
  if (asked.kind === "help") {
    writeAll(Stdio.output, encodeBytes(DOCTOR_HELP));
    return EXIT_FINE;
  }
  if (asked.kind === "usage") {
    writeAll(Stdio.error, encodeBytes(`nrpe: ${printable(asked.problem)}\n\n${DOCTOR_USAGE}`));
    return EXIT_PROBLEMS;
  }
  const findings = await examine(asked.config);
  const text = asked.json ? findingsJson(findings) : findingsText(findings, wantsColour());
  writeAll(Stdio.output, encodeBytes(text));
  if (findings.some(({ status }) => status === "problem")) return EXIT_PROBLEMS;
  return findings.some(({ status }) => status === "warning") ? EXIT_WARNINGS : EXIT_FINE;
}

/** All findings, in the order of the walk. */
async function examine(given: string | undefined): Promise<readonly DoctorFinding[]> {
  const self = process.execPath;
  const services = parseServices(textOf("/etc/services"));
  const first = findStarters(services, DIRECTIVES.server_port.byDefault, self);
  const path = given ?? configOf(first);
  const loaded = loadConfig(path, configFiles);
  const early = loaded.kind === "config" ? loaded.config : undefined;
  const port = portOf(first, early);
  const starters = port === DIRECTIVES.server_port.byDefault
    ? first
    : findStarters(services, port, self);
  const context: StarterContext = { self, port, user: usualUser(early), config: path };
  const { findings: started, invoked, idle } = checkStarters(starters, services, context);
  const names = serviceNames(starters);
  const findings: DoctorFinding[] = [
    ...asWhom(),
    ...checkRuntime(superServers()),
    ...checkServices(services, names, invoked.length === 0, port),
    ...started,
  ];

  const paths = [...new Set([path, ...given === undefined ? configsOf(invoked) : []])];
  let config: WholeConfig | undefined;
  for (const one of paths) {
    // That a file which a starter names is missing has been said.
    const missing = statusOf(one) === undefined && readText(one).kind === "missing";
    if (missing && started.some(({ code }) => code === "config-missing")) continue;
    const checked = await checkConfiguration(one, invoked, given !== undefined);
    findings.push(...checked.findings);
    config ??= checked.config;
  }
  if (config !== undefined) findings.push(...checkPidFile(config, starters.units));
  findings.push(...checkBoundAddresses(invoked, config));

  const daemon = config?.daemon_name ?? DIRECTIVES.daemon_name.byDefault;
  const recent = readRecentLog(daemon, config?.log_file);
  const modes = invoked.flatMap(({ serve }) => serve === undefined ? [] : [serve.mode]);
  const hosts = config?.allowed_hosts ?? [];
  const allowedHosts = hosts.map(allowedHostText).filter((host) => /^[0-9a-f.:]+$/i.test(host));
  const onlyInetd = modes.length > 0 && modes.every((mode) => mode === "inetd");
  let loopback;
  if (config === undefined || config.tcp_wrappers) {
    const place = config?.positions.get("allowed_hosts");
    const checked = await checkTables({
      tables: tablesOf(config),
      daemon,
      otherNames: starters.inetd.map(({ program }) => baseName(program)),
      users: usersOf(invoked, config),
      allowedHosts: allowedHosts.filter((host) => host !== LOOPBACK && host !== "::1"),
      allowedHostsPlace: place === undefined ? undefined : `${place.file}:${place.line}`,
      refused: recent.refused,
      admitted: recent.admitted,
    });
    findings.push(...checked.findings);
    loopback = checked.loopback;
  } else findings.push(tablesOff(config, onlyInetd));

  findings.push(
    ...checkOnlyFrom(starters.xinetd, [...allowedHosts, ...recent.refused.keys()]),
    ...await checkListening({
      invoked,
      port,
      self,
      loopback,
      loopbackAllowed: config?.allowed_hosts === undefined ||
        isInNets(LOOPBACK, config.allowed_hosts),
      tls: config?.ssl_enabled ?? true,
      clientCertificates: config?.ssl_client_certs === 2,
      config,
    }),
    ...idle,
    ...checkLog(recent, invoked),
    ...checkClock([self, path, "/etc/passwd", "/etc/services"], new Date()),
  );
  return findings;
}

/**
 * The port that clients ask. server_port is a daemon's: one that inetd and xinetd have at the usual port
 * says nothing.
 */
function portOf({ inetd, xinetd }: Starters, config: WholeConfig | undefined): number {
  const usual = DIRECTIVES.server_port.byDefault;
  const atUsual = [...inetd, ...xinetd].some(({ port }) => port === usual);
  return atUsual ? usual : config?.server_port ?? usual;
}

/** Says what a user other than root cannot see. */
function asWhom(): readonly DoctorFinding[] {
  if (userAndGroup().uid === 0) return [];
  return [hint("not-root", "some things are hidden: only root sees all processes and files", {
    evidence: `this is user ${userAndGroup().uid}`,
    fix: "sudo nrpe --doctor",
  })];
}

/** The nrpe.cfg that the starters name, or one at a usual place. */
function configOf(starters: Starters): string {
  const words = startersOf(starters).flatMap(({ argv }) => argv);
  const named = words.map((word) => word.replace(/^(-\w*c|--config=)(?=\/)/, "")).filter((word) =>
    word.startsWith("/") && word.endsWith(".cfg")
  );
  const found = [...named, ...USUAL_CONFIGS].find((path) => statusOf(path) !== undefined);
  return found ?? DEFAULT_CONFIG;
}

function configsOf(invoked: readonly Invoked[]): readonly string[] {
  return invoked.flatMap(({ serve }) => serve?.config.startsWith("/") ? [serve.config] : []);
}

/** A user of this host for the agent. */
function usualUser(config: WholeConfig | undefined): string {
  const { nrpe_user } = config ?? {};
  const candidates = nrpe_user === undefined ? USUAL_USERS : [nrpe_user, ...USUAL_USERS];
  return candidates.find((name) => (findAccount(name)?.uid ?? 0) !== 0) ?? "nagios";
}

function tablesOf(config: WholeConfig | undefined): Tables {
  return {
    allow: config?.hosts_allow_file ?? DIRECTIVES.hosts_allow_file.byDefault,
    deny: config?.hosts_deny_file ?? DIRECTIVES.hosts_deny_file.byDefault,
    read: readOnce(readTableFile),
  };
}

/** The users that read the tables: those of the starters, or the one of nrpe.cfg. */
function usersOf(
  invoked: readonly Invoked[],
  config: WholeConfig | undefined,
): readonly User[] {
  const names = invoked.map(({ starter }) =>
    starter.user === undefined || starter.user === "root" ? config?.nrpe_user : starter.user
  );
  const wanted = names.length === 0 ? [config?.nrpe_user] : names;
  return [...new Set(wanted)].flatMap((name) => {
    const user = name === undefined ? undefined : userNamed(name);
    return user === undefined ? [] : [user];
  });
}

function tablesOff(config: WholeConfig, onlyInetd: boolean): DoctorFinding {
  const { tcp_wrappers: place } = Object.fromEntries(config.positions);
  const evidence = `${place?.file}:${place?.line}: tcp_wrappers=0`;
  const fix = "tcp_wrappers=1";
  return onlyInetd || config.allowed_hosts === undefined
    ? problem("tables-off", "the access tables are not asked: everyone is served", {
      evidence,
      fix,
    })
    : warning("tables-off", "the access tables are not asked: allowed_hosts alone decides", {
      evidence,
      fix,
    });
}

function placeOf({ starter: { file, line, text } }: Invoked): string {
  return lineOf(file, line, text);
}

/** Clients whose idea of TLS is another one than the agent's. */
function checkLog(recent: RecentLog, invoked: readonly Invoked[]): readonly DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  const [plain] = [...recent.plainClients].slice(-1);
  const [secure] = [...recent.tlsClients].slice(-1);
  const says = invoked.find(({ serve }) => serve !== undefined);
  if (plain !== undefined && says?.serve?.tls !== false) {
    const [client, line] = plain;
    findings.push(
      problem("client-without-tls", `${client} asks without TLS, and the agent speaks it`, {
        evidence: line,
        fix: `check_nrpe -H HOST`,
      }),
    );
  }
  if (secure !== undefined && says?.serve?.tls !== true) {
    const [client, line] = secure;
    const argv = says?.starter.argv.filter((word) => word !== "-n" && word !== "--no-ssl");
    findings.push(problem("client-with-tls", `${client} asks with TLS, and the agent speaks none`, {
      evidence: says === undefined ? line : `${placeOf(says)}; ${line}`,
      fix: says === undefined || argv === undefined
        ? "check_nrpe -n -H HOST"
        : says.starter.with({ argv }),
    }));
  }
  return findings;
}
