/** Station: what starts the agent. */
import { parseCommandLine } from "../../cli.ts";
import { readText } from "../starters/read_text.ts";
import type { ServiceEntry } from "../starters/services_file.ts";
import { checkUnit } from "./check_unit.ts";
import { type DoctorFinding, hint, lineOf, problem, warning } from "./finding.ts";
import { checkInetdLine, type InetdStarter, inetdStarters, newInetdLine } from "./inetd_lines.ts";
import { checkInvocation, isThisAgent } from "./invocation.ts";
import { holdersOf, listeners } from "./processes.ts";
import type { Invoked, Starter, StarterContext } from "./starter.ts";
import {
  brokenSockets,
  maskedUnits,
  unitDisabled,
  type UnitStarter,
  unitStarters,
} from "./units.ts";
import { statusOf } from "../../system/path_status.ts";
import {
  checkXinetdSection,
  xinetdDisabled,
  type XinetdStarter,
  xinetdStarters,
} from "./xinetd_sections.ts";

export const INETD_CONF = "/etc/inetd.conf";
const XINETD_CONF = "/etc/xinetd.conf";

/** What is to start the agent on this host. */
export interface Starters {
  readonly inetd: readonly InetdStarter[];
  readonly xinetd: readonly XinetdStarter[];
  readonly units: readonly UnitStarter[];
  /** Lines and units that start nothing as they are. */
  readonly idle: readonly DoctorFinding[];
  /** Daemons of this agent that listen already, and that no unit starts. */
  readonly running: readonly Starter[];
}

/** Finds all that starts the agent, or would. */
export function findStarters(
  services: readonly ServiceEntry[],
  port: number,
  self: string,
): Starters {
  const inetdConf = readText(INETD_CONF);
  const lines = inetdConf.kind === "text"
    ? inetdStarters(INETD_CONF, inetdConf.text, services, port)
    : [];
  const inetd = lines.filter(({ entry }) => !entry.commented);
  const idle: DoctorFinding[] = maskedUnits();
  idle.push(
    ...lines.filter(({ entry }) => entry.commented).map(({ file, line, text }) =>
      problem("inetd-commented", "the line of inetd.conf is a comment", {
        evidence: lineOf(file, line, text),
        fix: text.replace(/^#(<off>#)?[ \t]*/, "").trim(),
      })
    ),
  );
  const xinetd = xinetdStarters(XINETD_CONF, services, port).filter((starter) => {
    const finding = xinetdDisabled(starter);
    if (finding !== undefined) idle.push(finding);
    return finding === undefined;
  });
  const booted = statusOf("/run/systemd/system") !== undefined;
  const units = unitStarters(port).filter((starter) => {
    const foreign = !isThisAgent(starter.program, self) &&
      statusOf(starter.program) !== undefined;
    // Where systemd does not run, the unit of another agent starts nothing.
    if (!booted && (foreign || inetd.length > 0 || xinetd.length > 0)) return false;
    const finding = unitDisabled(starter);
    if (finding === undefined) return true;
    if (!foreign) idle.push(finding);
    return false;
  });
  const running = units.length > 0 ? [] : runningDaemons(port, self);
  return { inetd, xinetd, units, idle, running };
}

/** Every starter that is in use. */
export function startersOf({ inetd, xinetd, units, running }: Starters): readonly Starter[] {
  return [...inetd, ...xinetd, ...units, ...running];
}

/** The processes of this agent that listen on the port by themselves. */
function runningDaemons(port: number, self: string): readonly Starter[] {
  const inodes = new Set(
    listeners().filter((found) => found.port === port).map(({ inode }) => inode),
  );
  return holdersOf(inodes).flatMap(({ pid, program, executable, argv }) => {
    if (program === undefined || !isThisAgent(executable, self)) return [];
    const parsed = parseCommandLine(argv.slice(1));
    if (parsed.kind !== "serve" || parsed.mode === "inetd") return [];
    const starter: Starter = {
      by: "process",
      file: `/proc/${pid}/cmdline`,
      line: 1,
      text: argv.join(" "),
      port,
      address: undefined,
      user: undefined,
      group: undefined,
      program,
      argv,
      passesSockets: false,
      with: ({ argv: words }) => [program, ...(words ?? argv).slice(1)].join(" "),
    };
    return [starter];
  });
}

/** The names by which inetd and xinetd look up the port. */
export function serviceNames({ inetd, xinetd }: Starters): readonly string[] {
  const lines = inetd.filter(({ entry }) => !/^[0-9]+$/.test(entry.service));
  const sections = xinetd.filter(({ section }) =>
    !section.attributes.has("port") &&
    !section.attributes.get("type")?.values.includes("UNLISTED")
  );
  return [
    ...lines.map(({ entry }) => entry.service),
    ...sections.map(({ section }) => section.service!),
  ];
}

/** What the station finds. */
interface CheckedStarters {
  readonly findings: readonly DoctorFinding[];
  readonly invoked: readonly Invoked[];
  /** That nothing starts the agent. It may be a daemon that did not start, so other findings go first. */
  readonly idle: readonly DoctorFinding[];
}

/** Checks all that starts the agent. */
export function checkStarters(
  starters: Starters,
  services: readonly ServiceEntry[],
  context: StarterContext,
): CheckedStarters {
  const findings: DoctorFinding[] = [];
  const invoked: Invoked[] = [];
  const invoke = (starter: Starter) => {
    const checked = checkInvocation(starter, context);
    findings.push(...checked.findings);
    invoked.push(checked.invoked);
  };
  for (const starter of starters.inetd) {
    const found = checkInetdLine(starter, services, context);
    findings.push(...found);
    // A line of which inetd reads other fields says nothing about the agent.
    if (!found.some(({ code }) => /^inetd-(fields|continuation)$/.test(code))) invoke(starter);
    else invoked.push({ starter, serve: undefined, user: undefined });
  }
  for (const starter of starters.xinetd) {
    findings.push(...checkXinetdSection(starter, services, context));
    invoke(starter);
  }
  for (const starter of starters.units) {
    findings.push(...checkUnit(starter, context.port));
    invoke(starter);
  }
  for (const starter of starters.running) invoke(starter);
  const broken = brokenSockets();
  findings.push(...broken, ...twice(starters));
  const idle = invoked.length === 0 && broken.length === 0 ? nothingStarts(starters, context) : [];
  return { findings, invoked, idle };
}

/** Starters that want the same port. */
function twice(starters: Starters): readonly DoctorFinding[] {
  const all = startersOf(starters).filter(({ by }) => by !== "process");
  for (const [at, one] of all.entries()) {
    const other = all.slice(at + 1).find((other) => isSamePlace(one, other));
    if (other === undefined || one.port === undefined) continue;
    const off = other.by === "xinetd"
      ? "disable = yes"
      : other.by === "inetd"
      ? `#${other.text.trim()}`
      : `systemctl disable --now ${other.file.slice(other.file.lastIndexOf("/") + 1)}`;
    const message = `${one.by} and ${other.by} both want port ${one.port}: the second gets nothing`;
    // With the same line twice, it does not matter which.
    const make = one.text === other.text && one.by === "inetd" ? warning : problem;
    return [make("started-twice", message, {
      evidence: `${lineOf(one.file, one.line, one.text)}; ` +
        lineOf(other.file, other.line, other.text),
      fix: off,
    })];
  }
  return [];
}

function isSamePlace(one: Starter, other: Starter): boolean {
  if (one.port !== other.port || one.address !== other.address) return false;
  return one.by !== other.by || one.by === "inetd" && protocolOf(one) === protocolOf(other);
}

function protocolOf({ text }: Starter): string | undefined {
  return text.trim().split(/\s+/)[2]?.replace(/4$/, "");
}

/** Why nothing starts the agent, and what would. */
function nothingStarts({ idle }: Starters, context: StarterContext): readonly DoctorFinding[] {
  const [first, ...others] = idle;
  if (first !== undefined) {
    return [first, ...others.map((finding) => ({ ...finding, status: "hint" as const }))];
  }
  const inetd = readText(INETD_CONF);
  const hasInetd = ["/usr/sbin/inetd", "/usr/sbin/inetutils-inetd"].some((path) =>
    statusOf(path) !== undefined
  );
  if (inetd.kind === "unreadable") {
    return [hint("inetd-conf-unreadable", `${INETD_CONF} cannot be read: ${inetd.reason}`, {
      evidence: INETD_CONF,
    })];
  }
  const message = "nothing on this host starts the agent";
  if (inetd.kind === "text" || hasInetd || statusOf("/run/systemd/system") === undefined) {
    const evidence = inetd.kind === "text"
      ? `${INETD_CONF} has no line for it, nor have xinetd and systemd`
      : `there is no ${INETD_CONF}`;
    return [problem("no-starter", message, { evidence, fix: newInetdLine(context) })];
  }
  const fix = "install -m 644 deploy/systemd/nrpe.service /etc/systemd/system/ && " +
    "systemctl daemon-reload && systemctl enable --now nrpe.service";
  return [problem("no-starter", message, { evidence: "systemd has no unit of it", fix })];
}
