/** Station: the units of systemd that start the agent. */
import {
  findUnit,
  findUnits,
  parseUnitCommand,
  settingOf,
  settingsOf,
  type Unit,
  type UnitSetting,
} from "../starters/systemd_units.ts";
import { type DoctorFinding, lineOf, problem } from "./finding.ts";
import { textOf } from "../starters/read_text.ts";
import type { Starter } from "./starter.ts";
import { unitState } from "./unit_state.ts";

/** A service unit that runs the agent, with the socket unit in front of it if there is one. */
export interface UnitStarter extends Starter {
  readonly service: Unit;
  readonly socket: Unit | undefined;
  /** The unit that has to be enabled. */
  readonly entry: Unit;
}

const AGENT = /(^|[/_-])nrpe([-_.@ ]|$)/i;

/** The service units that run the agent. */
export function unitStarters(port: number): readonly UnitStarter[] {
  const units = findUnits(AGENT).filter(({ masked }) => !masked);
  const sockets = units.filter(({ name }) => name.endsWith(".socket"));
  const paired = new Set<string>();
  const starters: UnitStarter[] = [];
  for (const socket of sockets) {
    const name = serviceOf(socket);
    const service = findUnit(name);
    if (service === undefined) continue;
    paired.add(name);
    starters.push(...startersOf(service, socket, port));
  }
  for (const unit of units) {
    if (!unit.name.endsWith(".service") || paired.has(unit.name)) continue;
    // A template without its socket is started by nothing.
    if (!unit.name.includes("@")) starters.push(...startersOf(unit, undefined, port));
  }
  return starters;
}

/** The service that a socket unit starts, see systemd.socket(5). */
function serviceOf(socket: Unit): string {
  const named = settingOf(socket, "Service")?.value;
  if (named) return named;
  const stem = socket.name.slice(0, -".socket".length);
  return isYes(settingOf(socket, "Accept")) ? `${stem}@.service` : `${stem}.service`;
}

/** Whether a setting is given and true, see systemd.syntax(7). */
export function isYes(setting: UnitSetting | undefined): boolean {
  return /^(yes|true|1|on)$/i.test(setting?.value ?? "");
}

/** A line of a unit, as evidence. */
export function placeOf({ file, line, name, value }: UnitSetting): string {
  return lineOf(file, line, `${name}=${value}`);
}

function startersOf(service: Unit, socket: Unit | undefined, port: number): readonly UnitStarter[] {
  const setting = settingsOf(service, "ExecStart")[0];
  const command = setting === undefined ? undefined : expandedCommand(setting.value, service);
  if (setting === undefined || command === undefined) return [];
  const words = [service.name, command.program, ...command.argv];
  const isAgent = words.some((word) => AGENT.test(word) || word.endsWith("nrpe.cfg"));
  if (!isAgent) return [];
  const listens = socket === undefined ? undefined : settingsOf(socket, "ListenStream")[0]?.value;
  const [, address, at] = /^(?:(.*):)?([0-9]+)$/.exec(listens ?? "") ?? [];
  const prefix = command.prefixes;
  return [{
    service,
    socket,
    entry: socket ?? service,
    by: "systemd",
    file: setting.file,
    line: setting.line,
    text: `ExecStart=${setting.value}`,
    port: socket === undefined ? port : at === undefined ? undefined : Number(at),
    address: address?.replace(/^\[|\]$/g, ""),
    user: settingOf(service, "User")?.value || undefined,
    group: settingOf(service, "Group")?.value || undefined,
    program: command.program,
    argv: command.argv,
    passesSockets: socket !== undefined,
    placeOf: (field) => {
      const found = settingOf(service, field === "user" ? "User" : "Group");
      return found && placeOf(found);
    },
    with: ({ user, group, program, argv }) => {
      if (user !== undefined) return `User=${user}`;
      if (group !== undefined) return `Group=${group}`;
      const named = prefix.includes("@");
      const path = program ?? command.program;
      const words = argv ?? command.argv;
      return `ExecStart=${prefix}${[path, ...named ? words : words.slice(1)].join(" ")}`;
    },
  }];
}

/** A command line with the variables that the unit sets, see systemd.service(5). */
function expandedCommand(text: string, service: Unit) {
  const command = parseUnitCommand(text);
  if (command === undefined) return undefined;
  const assignments = [
    ...settingsOf(service, "Environment").flatMap(({ value }) =>
      [...value.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((found) =>
        found[1] ?? found[2] ?? found[3]!
      )
    ),
    ...settingsOf(service, "EnvironmentFile").flatMap(({ value }) =>
      textOf(value.replace(/^-/, "")).split("\n").filter((line) => !/^\s*[#;]/.test(line))
    ),
  ];
  const valueOf = (name: string) =>
    assignments.findLast((text) => text.startsWith(`${name}=`))?.slice(name.length + 1)
      .replace(/^(["'])(.*)\1$/, "$2") ?? "";
  const argv = command.argv.flatMap((word) => {
    const alone = /^\$(\w+)$/.exec(word)?.[1];
    if (alone !== undefined) return valueOf(alone).split(/\s+/).filter(Boolean);
    return [word.replace(/\$\{(\w+)\}/g, (_, name) => valueOf(name))];
  });
  return { ...command, argv };
}

/** Socket units of the agent whose service does not exist. */
export function brokenSockets(): readonly DoctorFinding[] {
  return findUnits(AGENT).flatMap((socket) => {
    if (!socket.name.endsWith(".socket") || socket.masked) return [];
    const service = serviceOf(socket);
    if (findUnit(service) !== undefined) return [];
    const other = service.includes("@") ? service.replace("@", "") : service.replace(".s", "@.s");
    const accept = isYes(settingOf(socket, "Accept")) ? "no" : "yes";
    const fix = findUnit(other) === undefined
      ? `install -m 644 deploy/systemd/${service} /etc/systemd/system/`
      : `Accept=${accept}`;
    const message = `${socket.name} starts ${service}, which does not exist`;
    return [problem("unit-service-missing", message, { evidence: socket.file, fix })];
  });
}

/** Units of the agent that are masked, so that nothing of them is known. */
export function maskedUnits(): DoctorFinding[] {
  return findUnits(AGENT).filter(({ masked }) => masked).map(({ name, file }) =>
    problem("unit-masked", `${name} is masked`, {
      evidence: `${file} is a link to /dev/null`,
      fix: `systemctl unmask ${name}`,
    })
  );
}

/** What keeps systemd from starting the unit; undefined where nothing does. */
export function unitDisabled({ entry }: UnitStarter): DoctorFinding | undefined {
  if (entry.enabled || isStarted(entry)) return undefined;
  return problem("unit-not-enabled", `${entry.name} is not enabled`, {
    evidence: `${entry.file}: no other unit wants it`,
    fix: `systemctl enable --now ${entry.name}`,
  });
}

function isStarted({ name }: Unit): boolean {
  return /^(active|activating|reloading)$/.test(unitState(name)?.active ?? "");
}
