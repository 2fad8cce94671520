/** Checks an nrpe.cfg with everything that it names. */
import type { Config, Finding, Position, WholeConfig } from "../../config/config.ts";
import { configFiles } from "../../config/config_files.ts";
import { loadConfig } from "../../config/load_config.ts";
import type { ConfigFiles } from "../../config/draft.ts";
import { DIRECTIVES, type Settings } from "../../config/settings.ts";
import type { FileReader } from "../../wrappers/match_list.ts";
import { linePlace } from "../lint/nrpe_cfg.ts";
import { statusOf } from "../../system/path_status.ts";
import { adviseOnArguments } from "./argument_advice.ts";
import { findAgentUser, type FoundUser, groupNameOf, userNameOf } from "./agent_user.ts";
import { type PlacedProblem, problemAt } from "./catalogue.ts";
import { checkCertificates } from "./certificates.ts";
import { checkCommands } from "./commands.ts";
import { checkExposure, checkFiles, checkTlsFiles } from "./files.ts";
import {
  checkIgnored,
  checkMacros,
  checkPolicy,
  checkSubjects,
  checkText,
  ignoredDirectives,
} from "./lines.ts";
import { explainFindings } from "./loader_findings.ts";
import type { AgentStart, CommandReport, ConfigFinding, ConfigReport } from "./report.ts";

/** A report, and the texts that it is about. */
export interface ConfigCheck {
  readonly report: ConfigReport;
  /** Reads the files of the configuration as they were when they were checked. */
  readonly read: FileReader;
}

/** Checks an nrpe.cfg. Nothing is executed, written or asked of another host. */
export async function configReport(file: string, start: AgentStart = {}): Promise<ConfigReport> {
  return (await checkConfig(file, start)).report;
}

/**
 * The same with the texts, for those who print them.
 * @param loadOnly Whether only what the agent itself would refuse or warn of is wanted.
 */
export async function checkConfig(
  file: string,
  start: AgentStart,
  loadOnly = false,
): Promise<ConfigCheck> {
  const { files, texts } = remembering(configFiles);
  const result = loadConfig(file, files);
  const config = result.kind === "config" ? result.config : undefined;
  const read: FileReader = (path) => {
    const text = texts.get(path);
    return text === undefined ? { kind: "missing" } : { kind: "text", text };
  };
  const lineOf = lineReader(texts);
  const found = findAgentUser(config ?? partly(result), file, start);
  const commands = config === undefined || loadOnly
    ? []
    : checkCommands(config, config.commands.values(), found);
  const certificates = config !== undefined && start.tls !== false && config.ssl_enabled
    ? await checkCertificates(config, file, new Date())
    : undefined;
  const byAgent = [
    ...explainFindings(result.findings, lineOf),
    ...certificates?.problems.filter(({ code }) => code === "tls") ?? [],
  ];
  const problems = loadOnly ? byAgent : [
    ...byAgent,
    ...found.problems,
    ...unreadableForAgent(file, result.findings, found),
    ...[...texts].flatMap(([path, text]) => checkText(path, text)),
    ...config === undefined ? [] : aboutConfig(config, file, start, found),
    ...config === undefined
      ? []
      : checkExposure(config, file, [...texts.keys(), ...config.directories], found),
    ...commands.flatMap(({ problems }) => problems),
    ...certificates === undefined || config === undefined ? [] : [
      ...certificates.problems.filter(({ code }) => code !== "tls"),
      ...checkTlsFiles(config, found, start),
    ],
  ];
  const order = [...texts.keys()];
  const report: ConfigReport = {
    file,
    config,
    user: found.user,
    findings: inOrder(problems, order).map((problem) => placed(problem, read)),
    commands: commands.map(({ report }): CommandReport => report),
    certificates: certificates?.reports ?? [],
    ignored: config === undefined
      ? ignoredDirectives({ positions: new Map() })
      : ignoredDirectives(config),
  };
  return { report, read };
}

/** Files that are read once, and what was in them. */
function remembering(
  { read, list, identify }: ConfigFiles,
): { readonly files: ConfigFiles; readonly texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    files: {
      list,
      identify,
      read(path) {
        const result = read(path);
        if (result.kind === "content") texts.set(path, result.content);
        return result;
      },
    },
  };
}

function lineReader(texts: ReadonlyMap<string, string>): (position: Position) => string {
  const lines = new Map<string, readonly string[]>();
  return ({ file, line }) => {
    let all = lines.get(file);
    if (all === undefined) lines.set(file, all = (texts.get(file) ?? "").split("\n"));
    return all[line - 1] ?? "";
  };
}

/** A configuration with errors, as far as it says who runs the agent. */
function partly(result: ReturnType<typeof loadConfig>): Config {
  const complete: Record<string, unknown> = {};
  for (const [name, { byDefault }] of Object.entries(DIRECTIVES)) complete[name] = byDefault;
  return {
    ...(complete as Settings),
    ...(result.kind === "failure" ? result.log : {}),
    commands: new Map(),
    commandSettings: new Map(),
    positions: new Map(),
    directories: new Set(),
  };
}

function aboutConfig(
  config: WholeConfig,
  file: string,
  start: AgentStart,
  found: FoundUser,
): readonly PlacedProblem[] {
  const hosts = start.mode === "daemon" ? undefined : config.positions.get("allowed_hosts");
  return [
    ...checkPolicy(config, file, config.commands.size),
    ...checkIgnored(config, file, start),
    ...checkSubjects(config, start),
    ...hosts === undefined ? [] : [allowedHosts(hosts, start)],
    ...[...config.commands.values()].flatMap((command) => [
      ...checkMacros(command, config),
      ...adviseOnArguments(command, config),
    ]),
    ...checkFiles(config, found, start),
  ];
}

/** A warning where inetd is known to start the agent. */
function allowedHosts(position: Position, { mode }: AgentStart): PlacedProblem {
  const problem = problemAt(position, "allowed-hosts-inetd");
  return mode === "inetd" ? { ...problem, severity: "warning" } : problem;
}

/** The files of the configuration that the agent's user cannot read, though this process can. */
function unreadableForAgent(
  file: string,
  known: readonly Finding[],
  found: FoundUser,
): readonly PlacedProblem[] {
  const { user, asAgent } = found;
  if (user === undefined) return [];
  const again = asAgent(() => loadConfig(file, configFiles));
  return again.findings.flatMap(({ code, position, message }) => {
    const isNew = (code === "config-unreadable" || code === "include-unreadable") &&
      !known.some((one) => one.message === message);
    if (!isNew) return [];
    const path = /'([^']*)' for reading/.exec(message)?.[1] ?? position.file;
    const values = {
      reason: message,
      user: userNameOf(user),
      group: groupNameOf(user),
      file: path,
      bits: statusOf(path)?.isDirectory() ? "rx" : "r",
    };
    return [problemAt(position, "config-unreadable-for-agent", values)];
  });
}

/** By file, in the order in which they are read, and by line; those about the whole come first. */
function inOrder(
  problems: readonly PlacedProblem[],
  order: readonly string[],
): readonly PlacedProblem[] {
  const rank = ({ position }: PlacedProblem) => {
    const at = order.indexOf(position.file);
    return at < 0 ? order.length : at;
  };
  return problems.toSorted((one, other) =>
    rank(one) - rank(other) || one.position.line - other.position.line
  );
}

function placed({ position, ...problem }: PlacedProblem, read: FileReader): ConfigFinding {
  return { ...problem, file: position.file, place: linePlace(position, read) };
}
