import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "./ports.ts";
import { statusOf } from "./processes.ts";
import type { Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

/** The agent as a daemon in the foreground, started by root for the user nagios. */
export interface Daemon extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** The path of its nrpe.cfg; the port stands in it. */
  readonly config: string;
  /** Writes nrpe.cfg anew, with the same port and log file in it. */
  configure(text: string): void;
  /** All that it has logged. */
  log(): string;
  /** Waits until the log, from a place on, matches. */
  logged(pattern: RegExp, from?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  readonly exited: Promise<number>;
}

/** How a daemon is to be started. */
export interface DaemonOptions {
  /** Lines of nrpe.cfg beyond address, port, user, pid file and log file. */
  readonly config: string;
  /** Arguments before `-c`; `-n` for a plain one. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that becomes the agent, in surroundings of its own. */
  readonly within?: readonly string[];
  /** Files of this machine that it is to see replaced: path and content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Shell text that is run before it in the same process, `ulimit` for instance. */
  readonly before?: string;
  /** Where it is started. */
  readonly directory?: string;
}

let count = 0;

/** Starts a daemon and waits until it serves. */
export async function startDaemon(room: Room, options: DaemonOptions): Promise<Daemon> {
  const [port] = freePorts(1) as [number];
  const name = `daemon-${++count}`;
  const logFile = join(room.path, `${name}.log`);
  const pidFile = join(room.path, `${name}.pid`);
  const head = `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\n` +
    `nrpe_group=nagios\nlog_file=${logFile}\npid_file=${pidFile}\n`;
  const configure = (text: string) => room.file(`${name}.cfg`, head + text);
  const config = configure(options.config);
  const agent = [room.binary, ...options.args ?? ["-n"], "-c", config, "-f"];
  const command = [...options.within ?? [], ...agent];
  const process_ = Bun.spawn([...prepare(room, name, options), ...command], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { PATH: "/usr/bin:/bin", ...options.env },
    cwd: options.directory ?? "/",
  });
  const log = () => {
    try {
      return readFileSync(logFile, "latin1");
    } catch {
      return "";
    }
  };
  const logged = (pattern: RegExp, from = 0) =>
    waitUntil(`a log line like ${pattern}`, () => pattern.test(log().slice(from)));
  const end = async () => {
    process_.kill("SIGKILL");
    await process_.exited;
  };
  try {
    await waitUntil("the daemon serves", () => {
      if (process_.exitCode !== null) throw new Error(`The daemon ended: ${log()}`);
      // It serves when it has given up root's rights, which it does after the last of these lines.
      return /Listening for connections/.test(log()) && !isRoot(process_.pid);
    });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    port,
    pid: process_.pid,
    config,
    configure,
    log,
    logged,
    signal: (signal) => process_.kill(signal),
    exited: process_.exited,
    [Symbol.asyncDispose]: end,
  };
}

/** The command that becomes another one in surroundings of its own; none where they are as usual. */
function prepare(room: Room, name: string, { files = {}, before = "" }: DaemonOptions): string[] {
  const mounts = Object.entries(files).map(([path, content], at) =>
    `mount --bind ${room.file(`${name}.replaced.${at}`, content)} ${path}\n`
  );
  if (mounts.length === 0 && before === "") return [];
  const script = `set -e\n${mounts.join("")}${before}\nexec "$0" "$@"\n`;
  return ["unshare", "-m", "sh", "-c", script];
}

function isRoot(pid: number): boolean {
  return statusOf(pid, "Uid").split("\t").includes("0");
}
