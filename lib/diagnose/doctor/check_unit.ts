/** Station: what is wrong with the units of systemd that start the agent. */
import { parseCommandLine } from "../../cli.ts";
import { statusOf } from "../../system/path_status.ts";
import {
  bytesOf,
  settingOf,
  settingsOf,
  type Unit,
  type UnitSetting,
} from "../starters/systemd_units.ts";
import { type DoctorFinding, hint, problem, warning } from "./finding.ts";
import { ADDRESS_SPACE } from "./runtime.ts";
import { isYes, placeOf, type UnitStarter } from "./units.ts";

/** What is wrong with a unit, besides the program, its arguments and its user. */
export function checkUnit(starter: UnitStarter, port: number): readonly DoctorFinding[] {
  const { service, socket } = starter;
  const findings: DoctorFinding[] = [];
  if (!starter.entry.enabled) {
    const message = `${starter.entry.name} is not enabled, so it is gone with the next boot`;
    findings.push(warning("unit-not-enabled", message, {
      evidence: `${starter.entry.file}: no other unit wants it`,
      fix: `systemctl enable ${starter.entry.name}`,
    }));
  }
  const memory = settingOf(service, "MemoryDenyWriteExecute");
  if (memory !== undefined && isYes(memory)) {
    findings.push(problem("unit-write-execute", "the runtime compiles code, which this forbids", {
      evidence: placeOf(memory),
      fix: "MemoryDenyWriteExecute=no",
    }));
  }
  const space = settingOf(service, "LimitAS");
  if (space !== undefined && bytesOf(space.value) < ADDRESS_SPACE) {
    findings.push(problem("unit-address-space", "the runtime needs 4 GB of address space", {
      evidence: placeOf(space),
      fix: "LimitAS=infinity",
    }));
  }
  findings.push(
    ...checkMode(starter),
    ...checkEnvironment(service),
    ...checkShare(service),
    ...checkProc(service),
    ...checkNetwork(service, socket),
  );
  const privileges = settingOf(service, "NoNewPrivileges");
  if (privileges !== undefined && isYes(privileges)) {
    const message = "plugins can use neither sudo nor set-uid programs";
    findings.push(warning("unit-no-new-privileges", message, {
      evidence: placeOf(privileges),
      fix: "NoNewPrivileges=no",
    }));
  }
  if (socket !== undefined) findings.push(...checkSocket(starter, socket, port));
  return findings;
}

/** What the agent and a plugin need: it has 2 threads and starts itself again, a plugin has a shell. */
const LEAST_TASKS = 8;
/** What the agent needs, in bytes. */
const LEAST_MEMORY = 64 * 2 ** 20;

/** Settings that leave too little memory, or too few processes and threads. */
function checkShare(service: Unit): readonly DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  for (const name of ["MemoryMax", "MemoryHigh", "MemoryLimit"]) {
    const setting = settingOf(service, name);
    if (setting === undefined || setting.value.endsWith("%")) continue;
    if (bytesOf(setting.value) >= LEAST_MEMORY) continue;
    findings.push(
      problem("unit-memory", "the agent needs 64 MB of memory, and plugins need theirs", {
        evidence: placeOf(setting),
        fix: `${name}=infinity`,
      }),
    );
  }
  for (const name of ["TasksMax", "LimitNPROC"]) {
    const setting = settingOf(service, name);
    const most = /^([0-9]+)(:[0-9]+)?$/.exec(setting?.value ?? "")?.[1];
    if (setting === undefined || most === undefined || Number(most) >= LEAST_TASKS) continue;
    const message = `the agent and a plugin need ${LEAST_TASKS} processes and threads`;
    findings.push(problem("unit-tasks", message, {
      evidence: placeOf(setting),
      fix: `${name}=infinity`,
    }));
  }
  return findings;
}

/** Settings that hide /proc from plugins; the agent itself needs only its own process there. */
function checkProc(service: Unit): readonly DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  const subset = settingOf(service, "ProcSubset");
  if (subset?.value === "pid") {
    const message = "plugins see processes alone in /proc: check_load and check_swap fail";
    findings.push(warning("unit-proc-subset", message, {
      evidence: placeOf(subset),
      fix: "ProcSubset=all",
    }));
  }
  const hidden = settingOf(service, "ProtectProc");
  if (hidden !== undefined && /^(noaccess|invisible|ptraceable)$/.test(hidden.value)) {
    const message = "plugins see processes of their own user alone: check_procs counts too few";
    findings.push(warning("unit-protect-proc", message, {
      evidence: placeOf(hidden),
      fix: "ProtectProc=default",
    }));
  }
  return findings;
}

/** Settings with which systemd starts no process at all. */
function checkEnvironment(service: Unit): readonly DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  const say = (code: string, message: string, setting: UnitSetting, fix: string) =>
    void findings.push(problem(code, message, { evidence: placeOf(setting), fix }));
  const commands = settingsOf(service, "ExecStart");
  const second = commands[1];
  if (second !== undefined && settingOf(service, "Type")?.value !== "oneshot") {
    const message = `the unit has ${commands.length} ExecStart=, and systemd takes one: ` +
      "an empty ExecStart= before the second takes the first away";
    say("unit-two-commands", message, second, `ExecStart=\nExecStart=${second.value}`);
  }
  for (const name of ["WorkingDirectory", "RootDirectory"] as const) {
    const setting = settingOf(service, name);
    const path = setting?.value ?? "";
    if (setting === undefined || !path.startsWith("/") || isDirectory(path)) continue;
    say(
      "unit-directory",
      `${path} is no directory, so systemd starts nothing`,
      setting,
      `${name}=`,
    );
  }
  for (const setting of settingsOf(service, "EnvironmentFile")) {
    const path = setting.value;
    if (!path.startsWith("/") || /[*?[%]/.test(path) || statusOf(path) !== undefined) continue;
    const message = `${path} does not exist, so systemd starts nothing`;
    say("unit-environment-file", message, setting, `EnvironmentFile=-${path}`);
  }
  for (const setting of settingsOf(service, "ConditionPathExists")) {
    const [, not, path] = /^[|]?(!?)(\/.*)$/.exec(setting.value) ?? [];
    if (path === undefined || (statusOf(path) !== undefined) !== (not === "!")) continue;
    const message = `the condition does not hold, so systemd starts nothing`;
    say("unit-condition", message, setting, not === "!" ? `rm ${path}` : "ConditionPathExists=");
  }
  return findings;
}

function isDirectory(path: string): boolean {
  return statusOf(path)?.isDirectory() ?? false;
}

/** Settings that keep clients out. */
function checkNetwork(service: Unit, socket: Unit | undefined): readonly DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  const network = settingOf(service, "PrivateNetwork");
  if (network !== undefined && isYes(network) && socket === undefined) {
    findings.push(problem("unit-private-network", "the daemon has a network of its own", {
      evidence: placeOf(network),
      fix: "PrivateNetwork=no",
    }));
  }
  const deny = settingsOf(socket ?? service, "IPAddressDeny").at(-1);
  const allow = settingsOf(socket ?? service, "IPAddressAllow");
  const others = allow.flatMap(({ value }) => value.split(/\s+/)).filter((word) =>
    !/^(localhost|127\..*|::1(\/128)?|)$/.test(word)
  );
  if (deny?.value === "any" && others.length === 0) {
    const message = allow.length === 0
      ? "systemd lets no address in"
      : "systemd lets this host alone in: no monitoring server gets through";
    findings.push(problem("unit-address-deny", message, {
      evidence: placeOf(deny),
      fix: "IPAddressDeny=",
    }));
  }
  if (socket === undefined) findings.push(...checkFamilies(service));
  return findings;
}

/** Whether a daemon may have sockets of IPv4 and IPv6. */
function checkFamilies(service: Unit): readonly DoctorFinding[] {
  const settings = settingsOf(service, "RestrictAddressFamilies");
  const [first] = settings;
  if (first === undefined) return [];
  const words = settings.flatMap(({ value }) => value.replace(/^~/, "").split(/\s+/));
  const lists = words.some((word) => /^AF_INET6?$/.test(word));
  if (lists !== first.value.startsWith("~")) return [];
  return [problem("unit-address-families", "the daemon may have no socket of IPv4 or IPv6", {
    evidence: placeOf(settings.at(-1)!),
    fix: "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
  })];
}

function checkMode(
  { service, socket, argv }: UnitStarter,
): readonly DoctorFinding[] {
  const parsed = parseCommandLine(argv.slice(1));
  const type = settingOf(service, "Type");
  if (socket !== undefined || parsed.kind !== "serve") return [];
  const kind = type?.value ?? "simple";
  const exec = settingsOf(service, "ExecStart")[0]!;
  if (parsed.mode === "daemon" && kind !== "forking") {
    return [problem("unit-type", `-d ends at once, which Type=${kind} takes for the end`, {
      evidence: type === undefined ? placeOf(exec) : placeOf(type),
      fix: "Type=forking",
    })];
  }
  if (parsed.mode === "foreground" && kind === "forking") {
    return [problem("unit-type", "-f stays in the foreground, and Type=forking waits for its end", {
      evidence: placeOf(type!),
      fix: "Type=notify",
    })];
  }
  return [];
}

function checkSocket(
  starter: UnitStarter,
  socket: Unit,
  port: number,
): readonly DoctorFinding[] {
  const stream = settingsOf(socket, "ListenStream")[0];
  const datagram = settingsOf(socket, "ListenDatagram")[0];
  if (stream === undefined) {
    const evidence = datagram === undefined ? socket.file : placeOf(datagram);
    const message = datagram === undefined
      ? "the socket unit names no port"
      : "the socket is of datagrams: NRPE is a service of stream";
    return [problem("unit-socket-type", message, { evidence, fix: `ListenStream=${port}` })];
  }
  const findings: DoctorFinding[] = [];
  if (starter.port !== port) {
    const message = starter.port === undefined
      ? `the socket is ${stream.value}, and clients ask port ${port}`
      : `the socket's port is ${starter.port}, and clients ask port ${port}`;
    findings.push(problem("unit-port", message, {
      evidence: placeOf(stream),
      fix: `ListenStream=${port}`,
    }));
  }
  if (
    isYes(settingOf(socket, "Accept")) && settingOf(socket, "TriggerLimitIntervalSec") === undefined
  ) {
    const message = "systemd closes the port after 200 connections in two seconds";
    findings.push(hint("unit-trigger-limit", message, {
      evidence: socket.file,
      fix: "TriggerLimitIntervalSec=0",
    }));
  }
  return findings;
}
