import { startSocketUnit } from "./activator.ts";
import { startDaemon } from "./daemon.ts";
import { startInetd } from "./inetd.ts";
import type { Room } from "./room.ts";

/** Agents in every mode, plain and with TLS. */
export interface Modes extends AsyncDisposable {
  /** Their ports, by the names of the modes, such as `nowait TLS`. */
  readonly ports: ReadonlyMap<string, number>;
  /** All that those under inetd have told syslog, and daemons have logged, since it was asked last. */
  log(): string;
}

/** What they are started with. */
export interface ModesOptions {
  /** Lines of nrpe.cfg for all of them. */
  readonly config: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that becomes nagios and the agent, in place of what inetd or the daemon itself does. */
  readonly within?: readonly string[];
  /** Whether a service manager's are among them, which have no {@link within} and no log. */
  readonly activation?: boolean;
}

/** Starts them. */
export async function startModes(
  room: Room,
  { config: text, env = {}, within = [], activation = true }: ModesOptions,
): Promise<Modes> {
  await using started = new AsyncDisposableStack();
  const ports = new Map<string, number>();
  const config = room.file("modes.cfg", `wait_idle_timeout=5\n${text}`);
  const service = (tls: boolean, wait: boolean) => {
    const argv = [...tls ? [] : ["-n"], "-c", config, "--inetd"];
    const [program = room.binary, ...words] = within;
    return within.length === 0
      ? { user: "nagios", program, argv: ["nrpe", ...argv], wait }
      : { user: "root", program, argv: [program, ...words, room.binary, ...argv], wait };
  };
  const inetd = started.use(
    await startInetd(room, [
      service(false, false),
      service(true, false),
      service(false, true),
      service(true, true),
    ], { env }),
  );
  ["nowait plain", "nowait TLS", "wait plain", "wait TLS"].forEach((mode, at) =>
    ports.set(mode, inetd.ports[at]!)
  );
  const logs: (() => string)[] = [() => inetd.syslog.take().map(({ text }) => text).join("\n")];
  for (const tls of [false, true]) {
    const kind = tls ? "TLS" : "plain";
    const daemon = await startDaemon(room, {
      config: `keep_env_vars=LANG\n${text}`,
      args: tls ? [] : ["-n"],
      env,
      within,
    });
    started.use(daemon);
    logs.push(() => daemon.log());
    ports.set(`daemon ${kind}`, daemon.port);
    if (!activation) continue;
    const unit = startSocketUnit(room, [...tls ? [] : ["-n"], "-c", config, "--inetd"], {
      accept: true,
    });
    started.use(unit);
    ports.set(`activation ${kind}`, unit.port);
  }
  const running = started.move();
  return {
    ports,
    log: () => logs.map((log) => log()).join("\n"),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
