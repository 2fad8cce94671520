/**
 * `nrpe --check-access`: whether a client gets in, and why; without a client, what is wrong with the
 * tables.
 *
 * The functions that decide about a connection read and match the tables. Effects are printed, not
 * run.
 */
import { encodeBytes } from "../bytes.ts";
import type { Finding, WholeConfig } from "../config/config.ts";
import { loadConfig } from "../config/load_config.ts";
import { DIRECTIVES } from "../config/settings.ts";
import { readNames } from "../config/match_subjects.ts";
import { printable } from "../log.ts";
import { nearest } from "../nearest.ts";
import { configFiles } from "../config/config_files.ts";
import { writeAll } from "../system/libc.ts";
import { readOnce, readTableFile } from "../access/table_files.ts";
import { exactArguments } from "../system/arguments.ts";
import { Stdio } from "../system/linux.ts";
import { wantsColour } from "../system/terminal.ts";
import type { TableName, Tables } from "../wrappers/find_rule.ts";
import { traceAccess } from "./access_trace.ts";
import { accessJson } from "./access_json.ts";
import { accessText } from "./access_text.ts";
import {
  ACCESS_HELP,
  ACCESS_USAGE,
  type AccessOptions,
  parseAccessQuestion,
} from "./check_access_cli.ts";
import { requestsOf } from "./check_access_request.ts";
import { agentPolicyText, type ClientActs, isRefused, readAgentPolicy } from "./agent_policy.ts";

/** Every address of the client gets in. */
const EXIT_GRANTED = 0;
const EXIT_DENIED = 1;
/** The arguments make no sense, or a host is not found. */
const EXIT_USAGE = 2;
const EXIT_HELP = 0;

/**
 * Prints the answer on stdout, or on stderr why there is none.
 *
 * @param args The arguments of the program as byte strings, `--check-access` among them.
 * @returns The exit status.
 */
export async function checkAccess(args: readonly string[]): Promise<number> {
  const asked = parseAccessQuestion(exactArguments(args));
  if (asked.kind === "help") {
    writeAll(Stdio.output, encodeBytes(ACCESS_HELP));
    return EXIT_HELP;
  }
  if (asked.kind === "usage") return printError(`${printable(asked.problem)}\n\n${ACCESS_USAGE}`);
  const { options } = asked;
  const loaded = options.config === undefined ? undefined : loadConfig(options.config, configFiles);
  if (loaded?.kind === "failure") return printError(errorText(loaded.findings));
  const config = loaded?.config;
  const daemon = config?.daemon_name ?? DIRECTIVES.daemon_name.byDefault;
  const tables: Tables = {
    allow: options.hostsAllow ?? config?.hosts_allow_file ?? DIRECTIVES.hosts_allow_file.byDefault,
    deny: options.hostsDeny ?? config?.hosts_deny_file ?? DIRECTIVES.hosts_deny_file.byDefault,
    // Once for all addresses of the client.
    read: readOnce(readTableFile),
  };
  const named: TableName[] = [];
  const positions = config?.positions;
  if (options.hostsAllow !== undefined || positions?.has("hosts_allow_file")) named.push("allow");
  if (options.hostsDeny !== undefined || positions?.has("hosts_deny_file")) named.push("deny");
  if (asked.kind === "tables") {
    const { json, lookup } = options;
    const { lintAccessTables } = await import("./lint/check_tables.ts");
    const { lintConfig } = await import("./lint/nrpe_cfg.ts");
    const checked = loaded === undefined ? undefined : {
      file: options.config!,
      findings: lintConfig(loaded.config, loaded.findings, tables.read),
    };
    const colour = wantsColour();
    return lintAccessTables(tables, { daemon, json, lookup, colour, named, config: checked });
  }

  const made = requestsOf(asked.daemon ?? daemon, asked.client, options.lookup);
  if (made.kind === "error") return printError(`${printable(made.message)}\n`);
  const acts = clientActs(options, config);
  if (typeof acts === "string") return printError(`${printable(acts)}\n`);
  const { json } = options;
  const answers: string[] = [];
  let status = EXIT_GRANTED;
  for (const request of made.requests) {
    const trace = await traceAccess(tables, request, json, named);
    if (trace.verdict === "denied") status = EXIT_DENIED;
    const { address } = trace.request.client;
    const policy = options.config === undefined || config === undefined
      ? undefined
      : await readAgentPolicy(options.config, config, address, acts);
    if (policy !== undefined && isRefused(policy)) status = EXIT_DENIED;
    const policyText = policy === undefined ? "" : agentPolicyText(policy, address, acts.names);
    answers.push(
      json ? accessJson(trace, policy) : accessText(trace, tables, wantsColour()) + policyText,
    );
  }
  writeAll(Stdio.output, encodeBytes(answers.join(json ? "" : "\n\n")));
  return status;
}

/** What the options say that the client does, or what is wrong with them. */
function clientActs(
  { command: name, subject, config: file }: AccessOptions,
  config: WholeConfig | undefined,
): ClientActs | string {
  const presents = name !== undefined || subject !== undefined;
  const reading = subject === undefined ? undefined : readNames(subject);
  if (reading?.kind === "error") return `--subject: ${reading.reason}`;
  const acts = { presents, names: reading?.value, command: undefined };
  if (name === undefined || config === undefined) return acts;
  const command = config.commands.get(name);
  if (command !== undefined) return { ...acts, command };
  const known = nearest(name, [...config.commands.keys()]);
  const guess = known === undefined ? "" : ` (did you mean ${known}?)`;
  return `command[${name}] is not defined in ${file}${guess}`;
}

function printError(message: string): number {
  writeAll(Stdio.error, encodeBytes(`nrpe: ${message}`));
  return EXIT_USAGE;
}

function errorText(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === "error");
  return errors.map(({ message }) => `${printable(message)}\n`).join("nrpe: ");
}
