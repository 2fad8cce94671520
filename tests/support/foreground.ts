import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "./ports.ts";
import type { Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

/** A program with the agent's command line, ours or the C agent, in the foreground. */
export interface Foreground extends AsyncDisposable {
  readonly port: number;
  /** All that it has logged. */
  log(): string;
}

/** How it is to be started. */
export interface ForegroundOptions {
  readonly program: string;
  /** Lines of nrpe.cfg beyond port, user, group, pid file and log file, which they can replace. */
  readonly config: string;
  /** Files of this machine that it is to see replaced: path and content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether root starts it; otherwise it is nagios from the start. */
  readonly asRoot?: boolean;
}

let count = 0;

/** Starts one on all addresses, without TLS, and waits until it serves. */
export async function startForeground(
  room: Room,
  { program, config, files = {}, asRoot = false }: ForegroundOptions,
): Promise<Foreground> {
  const [port] = freePorts(1) as [number];
  const directory = join(room.path, `foreground-${++count}`);
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  const logFile = join(directory, "log");
  const head = `server_port=${port}\nnrpe_user=nagios\nnrpe_group=nagios\nlog_file=${logFile}\n` +
    `pid_file=${join(directory, "pid")}\n`;
  const file = room.file(`foreground-${count}.cfg`, head + config);
  const mounts = Object.entries(files).map(([path, content], at) =>
    `mount --bind ${room.file(`foreground-${count}.replaced.${at}`, content)} ${path}\n`
  );
  const who = asRoot ? "" : "setpriv --reuid=nagios --regid=nagios --clear-groups ";
  const script = `set -e\n${mounts.join("")}exec ${who}${program} -n -c ${file} -f\n`;
  const process_ = Bun.spawn(["unshare", "-m", "sh", "-c", script], {
    stdio: ["ignore", "ignore", "ignore"],
    env: { PATH: process.env.PATH ?? "" },
    cwd: "/",
  });
  const log = () => existsSync(logFile) ? readFileSync(logFile, "latin1") : "";
  const end = async () => {
    process_.kill("SIGKILL");
    await process_.exited;
  };
  try {
    await waitUntil("it serves", () => {
      if (process_.exitCode !== null) throw new Error(`It ended: ${log()}`);
      return /Listening for connections/.test(log());
    });
  } catch (error) {
    await end();
    throw error;
  }
  return { port, log, [Symbol.asyncDispose]: end };
}
