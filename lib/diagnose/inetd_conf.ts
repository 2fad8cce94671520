/**
 * What an inetd.conf(5) says about the services that access rules name, for tcpdmatch and tcpdchk.
 */
import { readTableFile } from "../access/table_files.ts";
import { executionFault } from "../system/execution_problem.ts";
import { describeErrno, Errno } from "../system/libc.ts";
import { wrappedBy } from "./lint/services.ts";
import { type InetdEntry, parseInetdConf } from "./starters/inetd_conf.ts";
import { baseName } from "./starters/read_text.ts";

/** Where Debian's inetd has its file. */
const DEFAULT_FILE = "/etc/inetd.conf";
/** Where tcpd looks for programs that are not given by their path. */
const DAEMON_DIRECTORY = "/usr/sbin";

/** An inetd.conf(5). */
export interface InetdConf {
  readonly file: string;
  /** The names in rules of the services, and whether each asks the tables. */
  readonly services: ReadonlyMap<string, "asks" | "may not ask">;
  /** What is wrong with the file, in tcpdmatch's words. */
  readonly warnings: readonly string[];
}

/**
 * Reads an inetd.conf(5).
 *
 * @param given The file that the command line names; without one, Debian's.
 * @returns undefined where there is none and none is given; why the given one cannot be read.
 */
export function readInetdConf(given: string | undefined): InetdConf | undefined | string {
  const file = given ?? DEFAULT_FILE;
  const content = readTableFile(file);
  if (content.kind !== "text") {
    if (given === undefined) return undefined;
    const reason = content.kind === "missing"
      ? describeErrno(Errno.ENOENT)
      : content.kind === "directory"
      ? describeErrno(Errno.EISDIR)
      : content.reason;
    return `open ${file}: ${reason}`;
  }
  const services = new Map<string, "asks" | "may not ask">();
  const warnings: string[] = [];
  for (const entry of parseInetdConf(content.text)) {
    if (entry.commented) continue;
    const service = readService(entry, (what) => {
      warnings.push(`${file}, line ${entry.line}: ${what}`);
    });
    if (service !== undefined) services.set(service.name, service.asks ? "asks" : "may not ask");
  }
  return { file, services, warnings };
}

/** The name in rules of the service that a line starts; undefined where inetd itself serves. */
function readService(
  { protocol, program, argv }: InetdEntry,
  warn: (what: string) => void,
): { readonly name: string; readonly asks: boolean } | undefined {
  const [name, ...args] = argv;
  if (program === "internal") return undefined;
  if (program === "" || name === undefined) {
    warn("incomplete line");
    return undefined;
  }
  const started = baseName(program);
  if (started === "tcpd") {
    checkProgram(name, warn);
    if (protocol.startsWith("rpc/tcp")) warn(`${baseName(name)}: cannot wrap rpc/tcp services`);
    return { name: name.startsWith("/") ? baseName(name) : name, asks: true };
  }
  checkProgram(program, warn);
  const wrapped = wrappedBy(args);
  if (wrapped !== undefined) return { name: baseName(wrapped), asks: true };
  // The agent asks the tables itself, as do programs that are linked to libwrap.
  return { name: baseName(name), asks: started === "nrpe" };
}

function checkProgram(program: string, warn: (what: string) => void): void {
  const isPath = program.startsWith("/");
  const path = isPath ? program : `${DAEMON_DIRECTORY}/${program}`;
  const reason = executionFault(path)?.reason;
  if (reason === undefined) return;
  if (!reason.startsWith(describeErrno(Errno.ENOENT))) warn(`${path}: not executable: ${reason}`);
  else if (isPath) warn(`${program}: not found: ${reason}`);
  else warn(`${program}: not found in ${DAEMON_DIRECTORY}: ${reason}`);
}

/** What the file says against a rule's name for a daemon; undefined where nothing is wrong. */
export function inetdProblem({ file, services }: InetdConf, daemon: string): string | undefined {
  const known = services.get(daemon);
  if (known === undefined) return `${daemon}: no such process name in ${file}`;
  return known === "asks" ? undefined : `${daemon}: service possibly not wrapped`;
}
