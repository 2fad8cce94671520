/** Who listens and who runs, from /proc. */
import { baseName, fileSystem, namesIn, readText, textOf } from "../starters/read_text.ts";

/** A listening TCP socket. */
export interface Listener {
  /** In text form; `*` for all addresses. */
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
  readonly inode: string;
}

/** A process of this host. */
export interface HostProcess {
  readonly pid: number;
  readonly name: string;
  /** Its arguments, its name first; none where they cannot be read. */
  readonly argv: readonly string[];
  /** The path of the program, where the link can be read, as the process sees it. */
  readonly program: string | undefined;
  /** What leads to the program even where the path does not: in other mounts, or to a removed file. */
  readonly executable: string;
  /** The unit of systemd that it belongs to. */
  readonly unit: string | undefined;
}

/** The listening TCP sockets of this network namespace, see proc_pid_net(5). */
export function listeners(): readonly Listener[] {
  return [...listenersIn("/proc/net/tcp", 4), ...listenersIn("/proc/net/tcp6", 6)];
}

const LISTEN = "0A";

function listenersIn(path: string, family: 4 | 6): readonly Listener[] {
  return textOf(path).split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const [address, port] = local.split(":");
    if (state !== LISTEN || address === undefined || port === undefined) return [];
    return [{
      address: addressText(address),
      family,
      port: Number.parseInt(port, 16),
      inode,
    }];
  });
}

/** An address as /proc has it: words of 32 bits, each in the byte order of the machine. */
function addressText(hexadecimal: string): string {
  const bytes =
    hexadecimal.match(/.{8}/g)?.flatMap((word) =>
      [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16))
    ) ?? [];
  if (bytes.every((byte) => byte === 0)) return "*";
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "::1";
  const words = Array.from(
    { length: 8 },
    (_, at) => (bytes[at * 2]! << 8 | bytes[at * 2 + 1]!).toString(16),
  );
  return words.join(":");
}

/** The processes that have one of some sockets open, as far as this user may see that. */
export function holdersOf(inodes: ReadonlySet<string>): readonly HostProcess[] {
  return processIds().flatMap((pid) => {
    const holds = namesIn(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[([0-9]+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`) ?? "")?.[1];
      return inode !== undefined && inodes.has(inode);
    });
    const found = holds ? processOf(pid) : undefined;
    return found === undefined ? [] : [found];
  });
}

/** The processes of a name that are in this network namespace. */
export function processesNamed(names: readonly string[]): readonly HostProcess[] {
  const own = linkOf("/proc/self/ns/net");
  return processIds().flatMap((pid) => {
    const name = textOf(`/proc/${pid}/comm`).trim();
    if (!names.includes(name)) return [];
    const network = linkOf(`/proc/${pid}/ns/net`);
    if (network !== undefined && own !== undefined && network !== own) return [];
    const found = processOf(pid);
    return found === undefined ? [] : [found];
  });
}

/** Whether a process sees the same files as this one; true where that cannot be found out. */
export function sharesFiles({ pid }: HostProcess): boolean {
  const [one, other] = [linkOf(`/proc/${pid}/ns/mnt`), linkOf("/proc/self/ns/mnt")];
  return one === undefined || other === undefined || one === other;
}

function processIds(): readonly number[] {
  return namesIn("/proc").filter((name) => /^[0-9]+$/.test(name)).map(Number);
}

function processOf(pid: number): HostProcess | undefined {
  const comm = readText(`/proc/${pid}/comm`);
  if (comm.kind !== "text") return undefined;
  const argv = textOf(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
  const unit = /^[0-9]*:[^:]*:.*\/([^/\n]+\.service)/m.exec(textOf(`/proc/${pid}/cgroup`))?.[1];
  return {
    pid,
    name: comm.text.trim() || baseName(argv[0] ?? ""),
    argv,
    executable: `/proc/${pid}/exe`,
    program: linkOf(`/proc/${pid}/exe`)?.replace(/ \(deleted\)$/, ""),
    unit,
  };
}

/** A limit of a process, see proc_pid_limits(5): the soft one; undefined for none. */
export function limitOf({ pid }: HostProcess, name: string): number | undefined {
  const line = textOf(`/proc/${pid}/limits`).split("\n").find((line) => line.startsWith(name));
  const [soft] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  return soft === undefined || soft === "unlimited" ? undefined : Number(soft);
}

/** The target of a link; undefined where there is none, or it may not be read. */
function linkOf(path: string): string | undefined {
  try {
    return fileSystem().readlinkSync(path, { encoding: "latin1" });
  } catch {
    return undefined;
  }
}
