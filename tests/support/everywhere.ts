import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { startInetd } from "./inetd.ts";
import { makeRoom } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

export const MODES = ["nowait", "wait", "daemon"] as const;
export type Mode = typeof MODES[number];

/** The same configuration served in every mode. */
export interface Everywhere extends AsyncDisposable {
  readonly ports: Readonly<Record<Mode, number>>;
  /** What a mode has logged. */
  log(mode: Mode): string;
  logged(mode: Mode, pattern: RegExp, from?: number): Promise<void>;
}

/** How the agents are to be started. */
export interface EverywhereOptions {
  /** Arguments before `-c`. */
  readonly args?: readonly string[];
  /** Files of this machine that they are to see replaced: path and content. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Starts agents with a configuration in every mode. */
export async function startEverywhere(
  config: string,
  { args = [], files = {} }: EverywhereOptions = {},
): Promise<Everywhere> {
  await using stack = new AsyncDisposableStack();
  const own = stack.use(makeRoom());
  const serve = (mode: "nowait" | "wait") => {
    const log = own.file(`${mode}.log`, "");
    Bun.spawnSync(["chown", "nagios", log]);
    const text = `log_file=${log}\nwait_idle_timeout=1\n${config}`;
    const argv = ["nrpe", ...args, "-c", own.file(`${mode}.cfg`, text), "--inetd"];
    return { user: "nagios", program: own.binary, argv, wait: mode === "wait" };
  };
  const inetd = stack.use(await startInetd(own, [serve("nowait"), serve("wait")], { files }));
  const daemon = stack.use(await startDaemon(own, { config, args, files }));
  const log = (mode: Mode) =>
    mode === "daemon" ? daemon.log() : readFileSync(join(own.path, `${mode}.log`), "latin1");
  const [nowait, wait] = inetd.ports as [number, number];
  const held = stack.move();
  return {
    ports: { nowait, wait, daemon: daemon.port },
    log,
    logged: (mode, pattern, from = 0) =>
      waitUntil(
        `a log line of ${mode} like ${pattern}`,
        () => pattern.test(log(mode).slice(from)),
      ),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
