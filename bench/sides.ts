/** The agents that are compared, started as an administrator starts them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Inetd, type Service, startInetd } from "../tests/support/inetd.ts";
import { PEERS } from "../tests/support/peers.ts";
import { freePorts, isListening } from "../tests/support/ports.ts";
import { childrenOf } from "../tests/support/processes.ts";
import { makeRoom, type Room } from "../tests/support/room.ts";
import { waitUntil } from "../tests/support/wait_until.ts";
import type { Syslog } from "../tests/support/syslog.ts";
import type { Agent, Question } from "./ask.ts";
import type { Extent } from "./extent.ts";
import type { Program } from "./run_programs.ts";

/** The user that every agent runs as. */
export const USER = "nagios";
/** The backlog of a daemon's socket. With the C agent's default, 5, some of 16 connections are lost. */
const LISTEN_QUEUE = 128;

/** How long processes may take to end before the run fails, in milliseconds. */
const PATIENCE = 20_000;

/** What every part of the bench works with. */
export interface Setting {
  /** Has the agent, freshly copied. */
  readonly room: Room;
  /** The empty program. */
  readonly empty: string;
  /** Writes nrpe.cfg with these lines beside the usual ones. */
  readonly configs: (name: string, lines?: string) => Configs;
  readonly extent: Extent;
  /** Where the log lines of all arrive that have no inetd. */
  readonly syslog: Syslog;
}

/** What is asked for, by its name in the figures. */
export const QUESTIONS = {
  echo: { command: "echo", answer: /^OK$/ },
  check_load: { command: "check_load", answer: /load average/ },
} as const satisfies Record<string, Question>;

/** The name of a question. */
export type QuestionName = keyof typeof QUESTIONS;

/** A command whose plugin sleeps while the agent's memory is measured. */
export const NAP = "nap";

const COMMANDS = `command[echo]=/bin/echo OK
command[check_load]=${PEERS.plugins.path} -w 10000,10000,10000 -c 20000,20000,20000
command[${NAP}]=/bin/sleep 3
`;

/** Both agents read the same nrpe.cfg. */
export interface Configs {
  readonly inetd: string;
  readonly daemon: (port: number) => string;
}

/** Makes a self-signed certificate, on P-256, for all nrpe.cfg that are written. */
export function writesConfigs(room: Room): Setting["configs"] {
  const cert = join(room.path, "server.crt");
  const key = join(room.path, "server.key");
  const openssl = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-nodes", "-subj", "/CN=bench", "-days", "30", "-keyout", key, "-out", cert],
  ], { timeout: PATIENCE });
  if (openssl.exitCode !== 0) throw new Error(`openssl: ${openssl.stderr}`);
  room.file("server.key", readFileSync(key));
  return (name, lines = "") => {
    const common = `ssl_cert_file=${cert}\nssl_privatekey_file=${key}\n${COMMANDS}${lines}`;
    return {
      inetd: room.file(`${name}.cfg`, common),
      daemon: (port) =>
        room.file(
          `${name}.${port}.cfg`,
          `server_port=${port}\nserver_address=127.0.0.1\nallowed_hosts=127.0.0.1\n` +
            `nrpe_user=${USER}\nnrpe_group=${USER}\npid_file=${room.path}/nrpe.${port}.pid\n` +
            `listen_queue_size=${LISTEN_QUEUE}\n${common}`,
        ),
    };
  };
}

/** A hosts.allow that admits this machine by its last rule. */
export function allowRules(count: number): string {
  const strangers = Array.from(
    { length: count - 1 },
    (_, at) => `nrpe: 10.${at >> 16}.${(at >> 8) & 255}.${at & 255}\n`,
  );
  return `${strangers.join("")}nrpe: 127.0.0.1\n`;
}

/** The empty program as a process. */
export function emptyProgram(file: string): Program {
  return { file, argv: ["empty"], status: 0 };
}

/** An agent that prints its version. */
export function versionOf(file: string): Program {
  return { file, argv: ["nrpe", "-V"], status: 3 };
}

/** Services of an inetd, with what is needed to ask and to watch them. */
export interface Services extends AsyncDisposable {
  readonly inetd: Inetd;
  readonly agents: readonly Agent[];
}

/** An agent's service in inetd.conf, with its name in the figures. */
export interface NamedService {
  readonly name: string;
  readonly tls: boolean;
  readonly service: Omit<Service, "user">;
}

const plain = (argv: readonly string[]) => [...argv, "-n"];

/** The lines of inetd.conf that start an agent for each connection. */
export function nowaitServices(room: Room, config: string): NamedService[] {
  const own = ownArguments(config);
  const c = ["nrpe", "-c", config, "-i"];
  const { tcpd, agent } = PEERS;
  return [
    { name: "nowait", tls: false, service: { program: room.binary, argv: plain(own) } },
    { name: "tcpd + C", tls: false, service: { program: tcpd.path, argv: plain(c) } },
    { name: "C", tls: false, service: { program: agent.path, argv: plain(c) } },
    { name: "nowait TLS", tls: true, service: { program: room.binary, argv: own } },
    { name: "C TLS", tls: true, service: { program: agent.path, argv: c } },
  ];
}

/** The arguments of this agent under inetd. */
export function ownArguments(config: string): string[] {
  return ["nrpe", "-c", config, "--inetd"];
}

/** The line of inetd.conf that passes the listening socket to the agent. */
export function waitService(room: Room, config: string): NamedService {
  const argv = plain(ownArguments(config));
  return { name: "wait", tls: false, service: { program: room.binary, argv, wait: true } };
}

/** Starts an inetd with these services. */
export async function startServices(named: readonly NamedService[]): Promise<Services> {
  const room = makeRoom();
  const services = named.map(({ service }) => ({ ...service, user: USER }));
  const inetd = await startInetd(room, services);
  return {
    inetd,
    agents: named.map(({ name, tls }, at) => ({ name, tls, port: inetd.ports[at]! })),
    async [Symbol.asyncDispose]() {
      await inetd[Symbol.asyncDispose]();
      room[Symbol.dispose]();
    },
  };
}

/** An agent that listens itself. */
export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  readonly agent: Agent;
}

/** Starts an agent in the foreground, with the usual limit of open files of a service. */
export async function startDaemon(
  { name, program, tls, configs }: {
    readonly name: string;
    readonly program: string;
    readonly tls: boolean;
    readonly configs: Configs;
  },
): Promise<Daemon> {
  const [port] = freePorts(1) as [number];
  const args = ["-c", configs.daemon(port), "-f", ...(tls ? [] : ["-n"])];
  const daemon = Bun.spawn(["sh", "-c", 'ulimit -Sn 1024; exec "$0" "$@"', program, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
  });
  await waitUntil(`${name} listens`, () => {
    if (daemon.exitCode !== null) throw new Error(`${name} ended with ${daemon.exitCode}`);
    return isListening(port);
  });
  return {
    pid: daemon.pid,
    agent: { name, port, tls },
    async [Symbol.asyncDispose]() {
      daemon.kill();
      const late = setTimeout(() => daemon.kill("SIGKILL"), PATIENCE);
      await daemon.exited;
      clearTimeout(late);
    },
  };
}

/**
 * Waits until a process has no children, so that the end of one side does not slow the next.
 * @throws {Error} if they stay.
 */
export function settle(pid: number): void {
  for (const end = Date.now() + PATIENCE; childrenOf(pid).length > 0; Bun.sleepSync(0.2)) {
    if (Date.now() > end) throw new Error(`Processes do not end: ${childrenOf(pid).join(", ")}`);
  }
}
