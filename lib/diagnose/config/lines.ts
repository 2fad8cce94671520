/** What the text of nrpe.cfg betrays: macros that stay empty, ends of lines, directives without effect. */
import type { CommandDefinition, Config } from "../../config/config.ts";
import type { DirectiveName } from "../../config/settings.ts";
import { type PlacedProblem, problemAt } from "./catalogue.ts";
import type { AgentStart, IgnoringMode } from "./report.ts";

/** Checks how a file is written. */
export function checkText(file: string, text: string): readonly PlacedProblem[] {
  const whole = { file, line: 0 };
  const problems: PlacedProblem[] = [];
  const count = text.split("\r\n").length - 1;
  if (count > 0) problems.push(problemAt(whole, "crlf", { count, file }));
  if (text !== "" && !text.endsWith("\n")) {
    const line = text.split("\n").length;
    problems.push(problemAt({ file, line }, "no-newline-at-end", { file }));
  }
  return problems;
}

/** Macros of a monitoring server's own command definitions. */
const FOREIGN = /\$(USER[0-9]+|(?:HOST|SERVICE|CONTACT|NOTIFICATION)[A-Z]+)\$/;

/** Checks the macros of a command. */
export function checkMacros(
  { line, position }: CommandDefinition,
  config: Config,
): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  const escaped = /\\\$(ARG[0-9]+)\\?\$/.exec(line);
  const macro = /\$ARG[0-9]+\\?\$/.exec(line)?.[0].replace("\\", "");
  if (escaped !== null) {
    const values = { macro: escaped[0], plain: `$${escaped[1]}$` };
    problems.push(problemAt(position, "escaped-macro", values));
  }
  if (macro !== undefined && !config.dont_blame_nrpe) {
    problems.push(problemAt(position, "arguments-refused", { macro }));
  }
  const foreign = FOREIGN.exec(line)?.[0];
  if (foreign !== undefined) {
    const directory = foreign === "$USER1$" ? "/usr/lib/nagios/plugins" : "a value";
    problems.push(problemAt(position, "foreign-macro", { macro: foreign, directory }));
  }
  return problems;
}

/** Checks what clients may choose, and that there are commands. */
export function checkPolicy(
  config: Config,
  file: string,
  commands: number,
): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  const at = (name: DirectiveName) => config.positions.get(name) ?? { file, line: 0 };
  if (commands === 0) problems.push(problemAt({ file, line: 0 }, "no-commands"));
  if (config.dont_blame_nrpe) {
    problems.push(problemAt(at("dont_blame_nrpe"), "arguments-allowed"));
    if (config.allow_bash_command_substitution) {
      const position = at("allow_bash_command_substitution");
      problems.push(problemAt(position, "substitution-allowed"));
    }
  }
  return problems;
}

/** Checks that clients can show the certificates that lists are about. */
export function checkSubjects(
  config: Config,
  { tls = true }: AgentStart,
): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  const all = config.positions.get("ssl_allowed_subjects");
  if (!tls && all !== undefined) problems.push(problemAt(all, "subjects-without-tls"));
  const why = !tls
    ? "-n turns TLS off"
    : !config.ssl_enabled
    ? "ssl_enabled=0 turns TLS off"
    : config.ssl_client_certs === 0
    ? "ssl_client_certs is 0"
    : undefined;
  if (why === undefined) return problems;
  for (const [name, { positions }] of config.commandSettings) {
    const position = positions.get("command_allowed_subjects");
    if (position === undefined || config.commands.get(name) === undefined) continue;
    problems.push(problemAt(position, "command-without-askers", { name, why }));
  }
  return problems;
}

/** The directives that do not count, by the way to start the agent. */
export const IGNORED: Readonly<Record<IgnoringMode, readonly DirectiveName[]>> = {
  always: ["allow_weak_random_seed", "ssl_use_adh"],
  daemon: ["wait_idle_timeout"],
  inetd: [
    ...["allowed_hosts", "server_port", "server_address", "address_family"] as const,
    ...["pid_file", "keep_env_vars"] as const,
  ],
  nowait: [
    ...["nrpe_user", "nrpe_group", "listen_queue_size", "max_commands"] as const,
    ...["max_connections", "max_connections_per_source"] as const,
    ...["wait_idle_timeout", "shutdown_timeout", "metrics_file"] as const,
  ],
  plain: [
    ...["ssl_version", "ssl_cipher_list", "ssl_cert_file", "ssl_privatekey_file"] as const,
    ...["ssl_cacert_file", "ssl_client_certs", "ssl_logging", "ssl_shutdown_timeout"] as const,
    ...["ssl_crl_file", "tls_state_file"] as const,
  ],
};

/** The directives that a configuration has and a mode does not read. */
export function ignoredDirectives(
  { positions }: Pick<Config, "positions">,
): Readonly<Record<IgnoringMode, readonly DirectiveName[]>> {
  const given = (mode: IgnoringMode) => IGNORED[mode].filter((name) => positions.has(name));
  return {
    always: given("always"),
    daemon: given("daemon"),
    inetd: given("inetd"),
    nowait: given("nowait"),
    plain: given("plain"),
  };
}

/** Says which directives do not count in the mode, or in each where none is given. */
export function checkIgnored(
  config: Config,
  file: string,
  { mode, tls = true }: AgentStart,
): readonly PlacedProblem[] {
  const ignored = ignoredDirectives(config);
  const problems: PlacedProblem[] = [];
  const modes: IgnoringMode[] = ["always"];
  if (mode !== "daemon") modes.push("inetd", "nowait");
  if (mode === "daemon") modes.push("daemon");
  if (!tls || !config.ssl_enabled) modes.push("plain");
  for (const each of modes) {
    const names = ignored[each].filter((name) => name !== "allowed_hosts");
    if (names.length === 0) continue;
    const name = `ignored-directive/${each}` as const;
    problems.push(problemAt({ file, line: 0 }, name, { names: names.join(", ") }));
  }
  return problems;
}
