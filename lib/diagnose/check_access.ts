/**
 * `nrpe --check-access`: whether a client gets in, and why; without a client, what is wrong with the
 * tables.
 *
 * The functions that decide about a connection read and match the tables. Effects are printed, not
 * run.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import type { Config, Finding } from "../config/config.ts";
import { loadConfig } from "../config/load_config.ts";
import { DIRECTIVES } from "../config/settings.ts";
import { printable } from "../log.ts";
import { configFiles } from "../config/config_files.ts";
import { readFile, writeAll } from "../system/libc.ts";
import { readOnce, readTableFile } from "../access/table_files.ts";
import { Stdio } from "../system/linux.ts";
import { isTerminal } from "../system/terminal.ts";
import type { TableName, Tables } from "../wrappers/find_rule.ts";
import { type AccessTrace, traceAccess } from "./access_trace.ts";
import { accessJson } from "./access_json.ts";
import { accessText } from "./access_text.ts";
import {
  ACCESS_HELP,
  ACCESS_USAGE,
  type AccessOptions,
  parseAccessQuestion,
} from "./check_access_cli.ts";
import { requestsOf } from "./check_access_request.ts";
import { type AgentPolicy, agentPolicyText, readAgentPolicy } from "./agent_policy.ts";

/** Every address of the client gets in. */
const EXIT_GRANTED = 0;
const EXIT_DENIED = 1;
/** The arguments make no sense, or a host is not found. */
const EXIT_USAGE = 2;
const EXIT_HELPED = 0;

const SYSTEM_ALLOW = "/etc/hosts.allow";
const SYSTEM_DENY = "/etc/hosts.deny";

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
    return EXIT_HELPED;
  }
  if (asked.kind === "usage") return printError(`${printable(asked.problem)}\n\n${ACCESS_USAGE}`);
  const { options } = asked;
  const agent = readAgent(options.config);
  if (agent.kind === "failure") return printError(agent.message);
  const tables = tablesOf(options, agent.config);
  const daemon = agent.config?.daemon_name ?? DIRECTIVES.daemon_name.byDefault;
  const named: TableName[] = [];
  const positions = agent.config?.positions;
  if (options.hostsAllow !== undefined || positions?.has("hosts_allow_file")) named.push("allow");
  if (options.hostsDeny !== undefined || positions?.has("hosts_deny_file")) named.push("deny");
  if (asked.kind === "tables") {
    const { json, lookup } = options;
    const { lintAccessTables } = await import("./lint/check_tables.ts");
    const { lintConfig } = await import("./lint/nrpe_cfg.ts");
    const config = agent.config === undefined
      ? undefined
      : { file: options.config!, findings: lintConfig(agent.config, agent.findings, tables.read) };
    const lintOptions = { daemon, json, lookup, colour: wantsColour(), named, config };
    return lintAccessTables(tables, lintOptions);
  }

  const made = requestsOf(asked.daemon ?? daemon, asked.client, options.lookup);
  if (made.kind === "error") return printError(`${printable(made.message)}\n`);
  const traces: AccessTrace[] = [];
  let status = EXIT_GRANTED;
  for (const request of made.requests) {
    const trace = await traceAccess(tables, request, options.json, named);
    traces.push(trace);
    if (trace.verdict === "denied") status = EXIT_DENIED;
  }
  const policies = traces.map(({ request }) =>
    options.config === undefined || agent.config === undefined
      ? undefined
      : readAgentPolicy(options.config, agent.config, request.client.address)
  );
  writeAll(Stdio.output, encodeBytes(render(traces, policies, tables, options)));
  return status;
}

/** What the runtime makes of a byte that is not UTF-8 in an argument: U+FFFD, as its bytes. */
const LOST_BYTE = "\xef\xbf\xbd";

/** The arguments, read again from the kernel if the runtime has lost their bytes. */
function exactArguments(args: readonly string[]): readonly string[] {
  for (const arg of args) {
    if (!arg.includes(LOST_BYTE)) continue;
    return decodeBytes(readFile("/proc/self/cmdline")).split("\0").slice(1, 1 + args.length);
  }
  return args;
}

function printError(message: string): number {
  writeAll(Stdio.error, encodeBytes(`nrpe: ${message}`));
  return EXIT_USAGE;
}

function render(
  traces: readonly AccessTrace[],
  policies: readonly (AgentPolicy | undefined)[],
  tables: Tables,
  options: AccessOptions,
): string {
  if (options.json) {
    return traces.map((trace, at) => accessJson(trace, policies[at])).join("");
  }
  const colour = wantsColour();
  return traces.map((trace, at) => {
    const policy = policies[at];
    const own = policy === undefined ? "" : agentPolicyText(policy, trace.request.client.address);
    return accessText(trace, tables, colour) + own;
  }).join("\n\n");
}

/** The configuration, where the command line names one, or what is wrong with it. */
type Agent =
  | {
    readonly kind: "agent";
    readonly config: Config | undefined;
    readonly findings: readonly Finding[];
  }
  | { readonly kind: "failure"; readonly message: string };

function readAgent(path: string | undefined): Agent {
  if (path === undefined) return { kind: "agent", config: undefined, findings: [] };
  const result = loadConfig(path, configFiles);
  if (result.kind === "config") {
    return { kind: "agent", config: result.config, findings: result.findings };
  }
  const errors = result.findings.filter(({ severity }) => severity === "error");
  return {
    kind: "failure",
    message: errors.map(({ message }) => `${printable(message)}\n`).join("nrpe: "),
  };
}

function wantsColour(): boolean {
  return !process.env["NO_COLOR"] && isTerminal(Stdio.output);
}

/** The tables. Each file is read once for all addresses of the client. */
function tablesOf(options: AccessOptions, config: Config | undefined): Tables {
  return {
    allow: options.hostsAllow ?? config?.hosts_allow_file ?? SYSTEM_ALLOW,
    deny: options.hostsDeny ?? config?.hosts_deny_file ?? SYSTEM_DENY,
    read: readOnce(readTableFile),
  };
}
