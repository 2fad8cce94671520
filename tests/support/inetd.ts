import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "./peers.ts";
import { freePorts, isBound, isListening } from "./ports.ts";
import type { Room } from "./room.ts";
import { listenAsSyslog, type Syslog } from "./syslog.ts";
import { waitUntil } from "./wait_until.ts";

/** A real inetd with services on loopback ports, and the syslog of all that it starts. */
export interface Inetd extends AsyncDisposable {
  readonly pid: number;
  /** The ports of the services, in their order. */
  readonly ports: readonly number[];
  readonly syslog: Syslog;
}

/** A service that starts a program for each connection. */
export interface Service {
  readonly user: string;
  readonly program: string;
  /** The arguments, the program's name first. */
  readonly argv: readonly string[];
  /** Whether the program gets the listening socket instead of a connection. */
  readonly wait?: boolean;
  /**
   * What its socket is of, IPv4 where it isn't given. A `dual` one is of IPv6 and takes both: IPv4 clients
   * have mapped addresses there (RFC 4291, 2.5.5.2). Only xinetd makes it.
   */
  readonly family?: 4 | 6 | "dual";
  /** Whether its socket is of datagrams, of UDP and IPv4, and so passed on as with `wait`. */
  readonly datagrams?: boolean;
}

/** How an inetd is to be started. */
export interface InetdOptions {
  readonly kind?: InetdKind;
  readonly env?: Readonly<Record<string, string>>;
  /** Files of this machine that its services are to see replaced: path and content. */
  readonly files?: Readonly<Record<string, string>>;
  /** The soft limit of open files of inetd, which its services inherit. */
  readonly openFiles?: number;
  /** Whether the syslog is read only when a test asks for lines. */
  readonly deafSyslog?: boolean;
  /** The services' ports; free ones where they are not given. */
  readonly ports?: readonly number[];
}

/** Which inetd is to serve. */
export type InetdKind = "inetd" | "inetutilsInetd" | "xinetd";

/** Devices that programs expect in /dev. */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

/**
 * Shell text that gives the process a /dev of its own, with `log` leading to the given socket, in a
 * mount namespace that no other process sees.
 */
export function privateDev(room: Room, syslog: { readonly path: string }): string {
  const dev = join(room.path, "dev");
  mkdirSync(dev, { recursive: true });
  const devices = DEVICES.map((name) =>
    `: > ${dev}/${name}; mount --bind /dev/${name} ${dev}/${name}`
  );
  return [
    `mount -t tmpfs -o mode=755 dev ${dev}`,
    ...devices,
    `ln -s /proc/self/fd ${dev}/fd; ln -s fd/0 ${dev}/stdin; ln -s fd/1 ${dev}/stdout`,
    `ln -s fd/2 ${dev}/stderr; ln -s ${syslog.path} ${dev}/log`,
    `mount --rbind ${dev} /dev`,
  ].join("\n");
}

/** Starts an inetd with some services, in a mount namespace of its own. */
export async function startInetd(
  room: Room,
  services: readonly Service[],
  options: InetdOptions = {},
): Promise<Inetd> {
  const { kind = "inetd", env = {}, files = {}, openFiles = 1024, deafSyslog: deaf = false } =
    options;
  const syslog = listenAsSyslog(join(room.path, "log.sock"), { deaf });
  const ports = options.ports ?? freePorts(services.length);
  const config = join(room.path, "inetd.conf");
  const entry = kind === "xinetd" ? xinetdEntry : inetdLine;
  writeFileSync(config, services.map((service, at) => entry(service, ports[at]!)).join(""));
  const command = {
    inetd: `-i ${config}`,
    inetutilsInetd: `-d -p${room.path}/inetd.pid ${config} 2>/dev/null`,
    xinetd: `-dontfork -f ${config} -pidfile ${room.path}/inetd.pid`,
  }[kind];
  const replaced = Object.entries(files).map(([path, content], at) =>
    `mount --bind ${room.file(`replaced.${at}`, content)} ${path}\n`
  );
  const script =
    `set -e\nulimit -Sn ${openFiles}\n${privateDev(room, syslog)}\n${replaced.join("")}` +
    `exec ${PEERS[kind].path} ${command}\n`;
  const inetd = Bun.spawn(["unshare", "-m", "sh", "-c", script], {
    env: { PATH: process.env.PATH ?? "", ...env },
    cwd: "/",
    stdio: ["ignore", "inherit", "inherit"],
  });
  const end = async () => {
    inetd.kill();
    // First: inetd would wait for room in a log that nobody reads, before it hears the signal.
    syslog[Symbol.dispose]();
    await inetd.exited;
  };
  try {
    await waitUntil(`${kind} listens`, () => {
      if (inetd.exitCode !== null) throw new Error(`${kind} ended with ${inetd.exitCode}`);
      const [udp, tcp] = [true, false].map((datagrams) =>
        ports.filter((_, at) => (services[at]!.datagrams ?? false) === datagrams)
      ) as [number[], number[]];
      return isListening(...tcp) && isBound(...udp);
    });
  } catch (error) {
    await end();
    throw error;
  }
  return { pid: inetd.pid, ports, syslog, [Symbol.asyncDispose]: end };
}

function inetdLine(service: Service, port: number): string {
  const { user, program, argv, family, wait, datagrams } = service;
  if (datagrams) {
    return `127.0.0.1:${port} dgram udp wait.100000 ${user} ${program} ${argv.join(" ")}\n`;
  }
  if (family === "dual") throw new TypeError("Only xinetd listens for both families");
  const at = family === 6 ? `[::1]:${port} stream tcp6` : `127.0.0.1:${port} stream tcp`;
  return `${at} ${wait ? "wait" : "nowait"}.100000 ${user} ${program} ${argv.join(" ")}\n`;
}

const XINETD_PLACES = {
  4: { bind: "127.0.0.1", flags: "NOLIBWRAP NAMEINARGS" },
  6: { bind: "::1", flags: "NOLIBWRAP NAMEINARGS IPv6" },
  dual: { bind: "::", flags: "NOLIBWRAP NAMEINARGS IPv6" },
};

function xinetdEntry({ user, program, argv, family = 4, wait }: Service, port: number): string {
  const attributes = {
    type: "UNLISTED",
    port,
    ...XINETD_PLACES[family],
    socket_type: "stream",
    protocol: "tcp",
    wait: wait ? "yes" : "no",
    user,
    server: program,
    server_args: argv.join(" "),
    instances: "UNLIMITED",
    per_source: "UNLIMITED",
    cps: "100000 1",
  };
  const lines = Object.entries(attributes).map(([name, value]) => `  ${name} = ${value}\n`);
  return `service nrpe-${port}\n{\n${lines.join("")}}\n`;
}
