/** Station: nrpe.cfg and what it names, as `--check-config` sees it. */
import { parseCommandLine } from "../../cli.ts";
import type { WholeConfig } from "../../config/config.ts";
import { TLS_FILES } from "../../config/settings.ts";
import { statusOf } from "../../system/path_status.ts";
import { configReport } from "../config/check.ts";
import type { AgentStart, ConfigFinding, ConfigReport } from "../config/report.ts";
import { textOf } from "../starters/read_text.ts";
import { settingOf, settingsOf } from "../starters/systemd_units.ts";
import { type DoctorFinding, hint, lineOf, ok, problem, type Status } from "./finding.ts";
import type { Invoked } from "./starter.ts";
import { tlsFix } from "./tls_files.ts";
import type { UnitStarter } from "./units.ts";

/** What the station finds, and the configuration for those behind it. */
export interface CheckedConfig {
  readonly findings: readonly DoctorFinding[];
  readonly config: WholeConfig | undefined;
}

/** Codes that other stations find out with more around them. */
const OWN_CODES = /^(agent-user-root|agent-(user|group)-unknown|table-unreadable-for-agent)$/;

const STATUS: Readonly<Record<ConfigFinding["severity"], Status>> = {
  error: "problem",
  warning: "warning",
  hint: "hint",
};

/**
 * Checks an nrpe.cfg for each way in which it is used.
 *
 * @param named Whether the command line names the file: if nothing starts the agent, it is a daemon's.
 */
export async function checkConfiguration(
  file: string,
  invoked: readonly Invoked[],
  named: boolean,
): Promise<CheckedConfig> {
  const users = invoked.filter(({ serve }) => serve?.config === file);
  const findings: DoctorFinding[] = [];
  const seen = new Set<string>();
  let config: WholeConfig | undefined;
  const ways: readonly (Invoked | undefined)[] = users.length === 0 ? [undefined] : users;
  for (const way of ways) {
    const report = await configReport(file, startOf(way));
    config ??= report.config;
    const found = [
      ...report.findings.filter((finding) => isOurs(finding, way)).map((finding) =>
        withTlsFix(asDoctor(finding, named && invoked.length === 0), report, file)
      ),
      ...plainThoughTls(report, way),
    ];
    for (const finding of found) {
      const key = `${finding.code}\0${finding.evidence}\0${finding.fix}`;
      if (seen.size < seen.add(key).size) findings.push(finding);
    }
    for (const { subject, file: path, daysLeft } of report.certificates) {
      const key = `certificate\0${path}\0${subject}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const message = `the certificate ${subject} has ${daysLeft} days left`;
      if (daysLeft > 0) findings.push(ok("certificate", message, { evidence: path }));
    }
  }
  if (config !== undefined && !findings.some(({ status }) => status === "problem")) {
    const count = `${config.commands.size} commands`;
    findings.push(ok("configuration", `${file} can be used: ${count}`, { evidence: file }));
  }
  return { findings, config };
}

function startOf(way: Invoked | undefined): AgentStart {
  if (way?.serve === undefined) return {};
  const { serve, starter } = way;
  const inetd = serve.mode === "inetd";
  const root = starter.user === undefined || starter.user === "root";
  return {
    mode: inetd ? "inetd" : "daemon",
    tls: serve.tls,
    // A daemon that root starts becomes the user that nrpe.cfg names.
    user: root ? undefined : starter.user,
    group: root ? undefined : starter.group,
  };
}

function isOurs({ code, message }: ConfigFinding, way: Invoked | undefined): boolean {
  if (OWN_CODES.test(code)) return false;
  // systemd makes the directory before the daemon starts.
  return !(code === "unwritable" && message.includes("pid") && makesDirectory(way, message));
}

function makesDirectory(way: Invoked | undefined, message: string): boolean {
  if (way?.starter.by !== "systemd") return false;
  const { service } = way.starter as UnitStarter;
  return settingsOf(service, "RuntimeDirectory").some(({ value }) =>
    value.split(/\s+/).some((name) => message.includes(`/run/${name}/`))
  );
}

function asDoctor(finding: ConfigFinding, isDaemon: boolean): DoctorFinding {
  const { code, severity, message, file, place } = finding;
  const text = place === undefined ? "" : textOf(file).slice(place.lineStart).split("\n", 1)[0]!;
  const misspelt = code === "unknown-directive" && finding.suggestion?.startsWith("write ");
  const noPidFile = isDaemon && code === "unwritable" &&
    message.includes("a daemon does not start");
  // Whom allowed_hosts is to keep out gets in. The files that packages bring list this host alone.
  const misleads = code === "allowed-hosts-inetd" && severity === "warning" &&
    !/=[ \t]*(127\.0\.0\.1|::1|localhost|[ \t,])*$/.test(text);
  const isOpen = code === "writable-by-others" && message.startsWith("every user");
  const status = misspelt || isOpen || noPidFile || misleads ? "problem" : STATUS[severity];
  return {
    status,
    code,
    message,
    evidence: place === undefined ? file : lineOf(file, place.line, text),
    fix: lineToCopy(finding, text),
  };
}

function withTlsFix(
  finding: DoctorFinding,
  { config }: ConfigReport,
  file: string,
): DoctorFinding {
  if (finding.code !== "tls" || finding.fix !== null || config === undefined) return finding;
  return { ...finding, fix: tlsFix(config, file) ?? null };
}

/** A suggestion as a line to copy: a command, or the line of nrpe.cfg as it should be. */
function lineToCopy({ code, file, suggestion }: ConfigFinding, text: string): string | null {
  if (code === "allowed-hosts-inetd") {
    const hosts = text.replace(/^[^=]*=/, "").split(",").map((word) => word.trim()).filter(Boolean);
    const words = hosts.map((host) => host.includes(":") ? `[${host}]` : host);
    return words.length === 0 ? suggestion ?? null : `nrpe: ${words.join(", ")}`;
  }
  if (code === "config-unreadable" && suggestion === undefined && statusOf(file) === undefined) {
    return `install -D -m 644 deploy/nrpe.cfg ${file}`;
  }
  return suggestion?.replace(/^(write|set) (?=\S+=|command\[)/, "")
    .replace(/, which is the default$/, "") ?? null;
}

/** A configuration with certificates, and a command line without TLS. */
function plainThoughTls(
  { config, ignored }: ConfigReport,
  way: Invoked | undefined,
): readonly DoctorFinding[] {
  if (way?.serve === undefined || way.serve.tls || config === undefined) return [];
  const names = TLS_FILES.filter((name) => ignored.plain.includes(name));
  const position = names[0] === undefined ? undefined : config.positions.get(names[0]);
  if (position === undefined) return [];
  const { starter } = way;
  const argv = starter.argv.filter((word) => word !== "-n" && word !== "--no-ssl").map((word) =>
    /^-[a-zA-Z46]*n/.test(word) && !word.startsWith("--") &&
      parseCommandLine([word, "", "-i"]).kind === "serve"
      ? word.replace("n", "")
      : word
  );
  const message = `-n turns TLS off, so ${names.join(", ")} of nrpe.cfg count for nothing`;
  return [problem("tls-off", message, {
    evidence: `${
      lineOf(starter.file, starter.line, starter.text)
    }; ${position.file}:${position.line}`,
    fix: starter.with({ argv }),
  })];
}

/** The unit's settings that bear on a daemon whose nrpe.cfg names a pid file. */
export function checkPidFile(
  config: WholeConfig,
  units: readonly UnitStarter[],
): readonly DoctorFinding[] {
  const { pid_file: path } = config;
  return units.flatMap(({ service, socket }) => {
    const named = settingOf(service, "PIDFile");
    if (socket !== undefined || named === undefined || path === undefined) return [];
    if (named.value === path) return [];
    const message = `systemd waits for the pid file ${named.value}, and nrpe.cfg names ${path}`;
    return [hint("unit-pid-file", message, {
      evidence: lineOf(named.file, named.line, `PIDFile=${named.value}`),
      fix: `PIDFile=${path}`,
    })];
  });
}
