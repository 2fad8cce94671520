/** The agents that are tried: one in every mode, and the C agent beside them. */
import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { startCAgent } from "../support/c_agent.ts";
import { startDaemon } from "../support/daemon.ts";
import { startInetd } from "../support/inetd.ts";
import { processesWith, statusOf } from "../support/processes.ts";
import type { Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";
import { COMMANDS } from "./packets.ts";

/** An agent that is tried. */
export interface Subject {
  readonly mode: "daemon" | "wait" | "nowait";
  readonly port: number;
  /** Its log lines since the last call, without time and name. */
  readonly log: () => readonly string[];
  /** Takes log lines away as a syslogd does. */
  readonly drain: () => void;
  /** The process that serves all clients, if there is one. */
  readonly pid: () => number | undefined;
  /** How many processes serve clients that the kernel has for this agent. */
  readonly processes: () => readonly number[];
}

/** The agents in every mode, and the C agent as a daemon. */
export interface Agents extends AsyncDisposable {
  readonly subjects: readonly Subject[];
  readonly reference: number;
}

/** Time enough for clients on a busy machine, and no more than a lost one may keep the run waiting. */
const LIMITS = "connection_timeout=600\ncommand_timeout=600\n";

/**
 * Starts them.
 * @param config Lines of nrpe.cfg for all of them.
 * @param args Options of all of them.
 */
export async function startAgents(
  room: Room,
  config: string,
  args: readonly string[],
): Promise<Agents> {
  await using started = new AsyncDisposableStack();
  const commands = Object.entries(COMMANDS)
    .map(([name, { line }]) => `command[${name}]=${line}\n`).join("");
  const text = LIMITS + config + commands;
  const daemon = started.use(await startDaemon(room, { config: text, args }));
  const reference = started.use(
    await startCAgent(room, `allowed_hosts=127.0.0.1\nlisten_queue_size=128\n${text}`, ...args),
  );
  const files = ["wait", "nowait"].map((mode) =>
    room.file(`${mode}.cfg`, `wait_idle_timeout=600\n${text}`)
  );
  const inetd = started.use(
    await startInetd(
      room,
      files.map((file, at) => ({
        user: "nagios",
        program: room.binary,
        argv: ["nrpe", ...args, "-c", file, "--inetd"],
        wait: at === 0,
      })),
      { deafSyslog: true },
    ),
  );
  const lines: string[] = [];
  const drain = () => {
    for (const { text } of inetd.syslog.take()) {
      // inetd has its own to say of clients that are gone.
      const [, line] = /^nrpe\[[0-9]+\]: (.*)$/s.exec(text) ?? [];
      if (line !== undefined) lines.push(line);
    }
  };
  const ofInetd = (mode: "wait" | "nowait", at: number): Subject => {
    const processes = () => processesWith(` -c ${files[at]} --inetd`);
    return {
      mode,
      port: inetd.ports[at]!,
      log() {
        drain();
        return lines.splice(0);
      },
      drain,
      pid: () => mode === "wait" ? processes()[0] : undefined,
      processes,
    };
  };
  // A wait service outlives its inetd.
  started.defer(async () => {
    for (const { processes } of [ofInetd("wait", 0), ofInetd("nowait", 1)]) {
      for (const pid of processes()) process.kill(pid, "SIGKILL");
      await waitUntil("the services have ended", () => processes().length === 0);
    }
  });
  const logFile = join(
    room.path,
    /log_file=.*\/(.*)/.exec(readFileSync(daemon.config, "utf8"))![1]!,
  );
  const subjects: Subject[] = [
    {
      mode: "daemon",
      port: daemon.port,
      log() {
        const text = daemon.log();
        // The agent appends. What it adds in between is lost.
        truncateSync(logFile);
        return text.split("\n").filter((line) => line !== "").map((line) =>
          line.replace(/^\[[^\]]*\] /, "")
        );
      },
      drain: () => {},
      pid: () => daemon.pid,
      processes: () => [daemon.pid],
    },
    ofInetd("wait", 0),
    ofInetd("nowait", 1),
  ];
  const running = started.move();
  return {
    subjects,
    reference: reference.port,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** What a process holds. */
export interface Holdings {
  readonly descriptors: number;
  readonly children: number;
  /** Resident memory, in kilobytes. */
  readonly memory: number;
}

/** What a process holds now. */
export function holdingsOf(pid: number): Holdings {
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    children: readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").length - 1,
    memory: Number.parseInt(statusOf(pid, "VmRSS")),
  };
}

/** The lines that an agent may log while clients misbehave. Any other is worth a look. */
const EXPECTED_LINES: readonly RegExp[] = [
  /^Error: Request packet (version was invalid!|had invalid CRC32\.|type was invalid!)$/,
  /^Error: Received packet with invalid buffer size$/,
  /^Error: Request contained /,
  /^Client request from 127\.0\.0\.1 was invalid, bailing out\.\.\.$/,
  /^Could not read request from client (127\.0\.0\.1|unknown), bailing out\.\.\. \(/,
  /^Error: Client 127\.0\.0\.1 speaks TLS, and this service is plain: /,
  /^Error: Could not complete SSL handshake with (127\.0\.0\.1|unknown): /,
  /^connect from (127\.0\.0\.1|localhost)/,
  /^(Starting up|Listening for connections on|Server listening on|Warning: Daemon is configured|SSL|Using|Allowing|INFO)/,
  // A busy machine may keep this process from reading them.
  /^Warning: [0-9]+ log lines? could not be sent to syslog: /,
];

/** What counts the lines about a client that were left out, before the last of them. */
const COUNTED = /^Warning: [0-9]+ more lines? about [\w. ]+ within ten seconds, the last one: /;

/** The first line that must not be; undefined where all may be. */
export function unexpectedLine(lines: readonly string[]): string | undefined {
  return lines.find((line) => {
    const said = line.replace(COUNTED, "");
    return !EXPECTED_LINES.some((expected) => expected.test(said));
  });
}
