/**
 * The names and users of this host's daemons, from the files of inetd, xinetd and systemd.
 */
import { listDirectory } from "../../system/directory.ts";
import { SystemError } from "../../system/libc.ts";
import { readTableFile } from "../../access/table_files.ts";

/** A daemon of one of these files. */
export interface DaemonEntry {
  readonly name: string;
  /** The user that it runs as, if the file says. */
  readonly user?: string;
}

const UNIT_DIRECTORIES = [
  ...["/etc/systemd/system", "/run/systemd/system"],
  ...["/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"],
];

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

function textOf(path: string): string {
  const file = readTableFile(path);
  return file.kind === "text" ? file.text : "";
}

function filesIn(directory: string): readonly string[] {
  try {
    return listDirectory(directory).files.map((name) => `${directory}/${name}`);
  } catch (error) {
    if (error instanceof SystemError) return [];
    throw error;
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The daemons of an inetd.conf(5). With tcpd, the name is the first argument. */
export function inetdDaemons(text: string): readonly DaemonEntry[] {
  return wordLines(text).flatMap(([service, , , , account, program, argument]) => {
    if (service === undefined || account === undefined || program === undefined) return [];
    const user = account.split(/[:.]/)[0]!;
    const internal = program === "internal" ? service : baseName(argument ?? program);
    return [{ name: internal, user }, { name: service.replace(/^.*:/, "") }];
  });
}

/** The daemons of a file of xinetd.conf(5). */
export function xinetdDaemons(text: string): readonly DaemonEntry[] {
  return [...text.matchAll(/^[ \t]*service[ \t]+(\S+)\s*\{([^}]*)\}/gm)].flatMap((match) => {
    const body = match[2]!;
    const attribute = (name: string) =>
      new RegExp(`^[ \\t]*${name}[ \\t]*\\+?=[ \\t]*(\\S+)`, "m").exec(body)?.[1];
    const named = /^[ \t]*flags[ \t]*\+?=.*\bNAMEINARGS\b/m.test(body)
      ? attribute("server_args")
      : attribute("server");
    const user = attribute("user");
    const entries: DaemonEntry[] = [{ name: match[1]! }];
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

/** The programs that a systemd.service(5) starts; after @ the second word is argv[0]. */
export function serviceDaemons(text: string): readonly DaemonEntry[] {
  const user = /^User[ \t]*=[ \t]*(\S+)/m.exec(text)?.[1];
  return [...text.matchAll(/^ExecStart[ \t]*=[ \t]*([-@:+!|]*)(\S+)[ \t]*(\S*)/gm)].map((
    match,
  ) => ({
    name: baseName(match[1]!.includes("@") ? match[3]! : match[2]!),
    ...(user === undefined ? {} : { user }),
  }));
}

/** The names and aliases of a services(5) file. */
export function servicesNames(text: string): readonly DaemonEntry[] {
  return wordLines(text).flatMap(([name, port, ...aliases]) =>
    name === undefined || port === undefined ? [] : [name, ...aliases].map((name) => ({ name }))
  );
}

/** The words of each line, without comments. */
function wordLines(text: string): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.replace(/#.*/, "").split(/\s+/).filter(Boolean));
}
