/**
 * The names and users of this host's daemons, from the files of inetd, xinetd and systemd.
 */
import { parseInetdConf } from "../starters/inetd_conf.ts";
import { baseName, namesIn, textOf } from "../starters/read_text.ts";
import { parseServices } from "../starters/services_file.ts";
import { parseUnit, parseUnitCommand, UNIT_DIRECTORIES } from "../starters/systemd_units.ts";
import { parseXinetdConf } from "../starters/xinetd_conf.ts";

/** A daemon of one of these files. */
export interface DaemonEntry {
  readonly name: string;
  /** The user that it runs as, if the file says. */
  readonly user?: string;
}

/** Where the programs of daemons are. */
const PROGRAM_DIRECTORIES = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/**
 * The daemons of this host: of inetd.conf, xinetd.d, systemd's units and /etc/services, and what else
 * may be one.
 */
export function hostDaemons(): readonly DaemonEntry[] {
  return [
    ...inetdDaemons(textOf("/etc/inetd.conf")),
    ...["/etc/xinetd.conf", ...filesIn("/etc/xinetd.d")].flatMap((path) =>
      xinetdDaemons(textOf(path))
    ),
    ...UNIT_DIRECTORIES.flatMap(filesIn).flatMap(unitDaemons),
    ...servicesNames(textOf("/etc/services")),
    ...PROGRAM_DIRECTORIES.flatMap(filesIn).map((path) => ({ name: baseName(path) })),
  ];
}

function filesIn(directory: string): readonly string[] {
  return namesIn(directory).map((name) => `${directory}/${name}`);
}

/** The daemons of an inetd.conf(5). With tcpd, the name is the first argument. */
export function inetdDaemons(text: string): readonly DaemonEntry[] {
  return parseInetdConf(text).flatMap((entry) => {
    const { commented, service, account, program, argv } = entry;
    if (commented || program === "") return [];
    const user = account.split(/[:.]/)[0]!;
    const name = program === "internal" ? service : wrappedBy(argv.slice(1)) ?? argv[0] ?? program;
    return [{ name: baseName(name), user }, { name: service }];
  });
}

/** The program that `--wrap` names, by the arguments of this one. */
export function wrappedBy([option, program]: readonly string[]): string | undefined {
  return option === "--wrap" ? program : undefined;
}

/** The daemons of a file of xinetd.conf(5). */
export function xinetdDaemons(text: string): readonly DaemonEntry[] {
  return parseXinetdConf(text).flatMap(({ service, attributes }) => {
    if (service === undefined) return [];
    const first = (name: string) => attributes.get(name)?.values[0];
    const namesInArguments = attributes.get("flags")?.values.includes("NAMEINARGS") ?? false;
    const named = first(namesInArguments ? "server_args" : "server");
    const user = first("user");
    const entries: DaemonEntry[] = [{ name: service }];
    if (named !== undefined) {
      entries.push({ name: baseName(named), ...(user === undefined ? {} : { user }) });
    }
    return entries;
  });
}

function unitDaemons(path: string): readonly DaemonEntry[] {
  if (path.endsWith(".socket")) return [{ name: baseName(path).replace(/@?\.socket$/, "") }];
  return path.endsWith(".service") ? serviceDaemons(textOf(path)) : [];
}

/** The programs that a systemd.service(5) starts. */
export function serviceDaemons(text: string): readonly DaemonEntry[] {
  const settings = parseUnit(text, "");
  const user = settings.findLast(({ name, value }) => name === "User" && value !== "")?.value;
  return settings.flatMap((setting) => {
    const command = setting.name === "ExecStart" ? parseUnitCommand(setting.value) : undefined;
    if (command === undefined) return [];
    const { argv: [name = command.program, ...args] } = command;
    return [{ name: baseName(wrappedBy(args) ?? name), ...(user === undefined ? {} : { user }) }];
  });
}

/** The names and aliases of a services(5) file. */
export function servicesNames(text: string): readonly DaemonEntry[] {
  return parseServices(text).flatMap(({ name, aliases }) =>
    [name, ...aliases].map((name) => ({ name }))
  );
}
