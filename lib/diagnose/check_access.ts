/**
 * `nrpe --check-access`: whether a client would get in, and why; without a client, what is wrong
 * with the tables.
 *
 * The tables are read and matched by the functions that guard a real connection; only their effects
 * are told instead of carried out.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import type { Config, Finding } from "../config/config.ts";
import { loadConfig } from "../config/load_config.ts";
import { DIRECTIVES } from "../config/settings.ts";
import { printable } from "../log.ts";
import { configFiles } from "../config/config_files.ts";
import { readFile, writeAll } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { readOnce, readTableFile } from "../access/table_files.ts";
import { isTerminal } from "../system/terminal.ts";
import type { TableName, Tables } from "../wrappers/find_rule.ts";
import { type AccessFinding, findAccess } from "./access_finding.ts";
import { accessJson } from "./access_json.ts";
import { accessText } from "./access_text.ts";
import {
  ACCESS_HELP,
  ACCESS_USAGE,
  type AccessOptions,
  parseAccessQuestion,
} from "./check_access_cli.ts";
import { requestsOf } from "./check_access_request.ts";
import { askOwnGate, type OwnGate, ownGateText } from "./agent_policy.ts";

/** Everyone asked about gets in. */
const EXIT_GRANTED = 0;
const EXIT_DENIED = 1;
/** The question makes no sense, or its names stand for nobody. */
const EXIT_USAGE = 2;
const EXIT_HELPED = 0;

const SYSTEM_ALLOW = "/etc/hosts.allow";
const SYSTEM_DENY = "/etc/hosts.deny";

/**
 * Answers the question that the arguments ask, on stdout, or says on stderr why it cannot.
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
  if (asked.kind === "usage") return complain(`${printable(asked.problem)}\n\n${ACCESS_USAGE}`);
  const { options } = asked;
  const agent = readAgent(options.config);
  if (agent.kind === "failure") return complain(agent.message);
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
    const wishes = { daemon, json, lookup, colour: wantsColour(), named, config };
    return lintAccessTables(tables, wishes);
  }

  const meant = requestsOf(asked.daemon ?? daemon, asked.client, options.lookup);
  if (meant.kind === "error") return complain(`${printable(meant.message)}\n`);
  const findings: AccessFinding[] = [];
  let status = EXIT_GRANTED;
  for (const request of meant.requests) {
    const finding = await findAccess(tables, request, options.json, named);
    findings.push(finding);
    if (finding.verdict === "denied") status = EXIT_DENIED;
  }
  const gates = findings.map(({ request }) =>
    options.config === undefined || agent.config === undefined
      ? undefined
      : askOwnGate(options.config, agent.config, request.client.address)
  );
  writeAll(Stdio.output, encodeBytes(render(findings, gates, tables, options)));
  return status;
}

/** What the runtime makes of a byte in an argument that is not UTF-8: U+FFFD, here as its bytes. */
const LOST_BYTE = "\xef\xbf\xbd";

/** The arguments, read again from the kernel if the runtime could not keep their bytes. */
function exactArguments(args: readonly string[]): readonly string[] {
  for (const arg of args) {
    if (!arg.includes(LOST_BYTE)) continue;
    return decodeBytes(readFile("/proc/self/cmdline")).split("\0").slice(1, 1 + args.length);
  }
  return args;
}

function complain(message: string): number {
  writeAll(Stdio.error, encodeBytes(`nrpe: ${message}`));
  return EXIT_USAGE;
}

function render(
  findings: readonly AccessFinding[],
  gates: readonly (OwnGate | undefined)[],
  tables: Tables,
  options: AccessOptions,
): string {
  if (options.json) return findings.map((finding, at) => accessJson(finding, gates[at])).join("");
  const colour = wantsColour();
  return findings.map((finding, at) => {
    const gate = gates[at];
    const own = gate === undefined ? "" : ownGateText(gate, finding.request.client.address);
    return accessText(finding, tables, colour) + own;
  }).join("\n\n");
}

/** The agent's configuration, where one is named, or what is wrong with it. */
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

/** The tables that are asked, each file read once for all addresses of the client. */
function tablesOf(options: AccessOptions, config: Config | undefined): Tables {
  return {
    allow: options.hostsAllow ?? config?.hosts_allow_file ?? SYSTEM_ALLOW,
    deny: options.hostsDeny ?? config?.hosts_deny_file ?? SYSTEM_DENY,
    read: readOnce(readTableFile),
  };
}
