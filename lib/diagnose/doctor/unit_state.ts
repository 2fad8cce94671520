/** What a running systemd says about units, and what they logged last. */
import { statusOf } from "../../system/path_status.ts";

/** The state of a unit, in the words of org.freedesktop.systemd1(5). */
export interface UnitState {
  /** `active`, `activating`, `inactive`, `failed` and others. */
  readonly active: string;
  /** `success`, or why it failed: `exit-code`, `signal`, `oom-kill`, `service-start-limit-hit`. */
  readonly result: string;
  /** The signal that ended its process; undefined for none. */
  readonly signal: number | undefined;
  /** Names the last run in the journal; empty for none. */
  readonly invocation: string;
  /** Whether systemd has other files in memory than there are. */
  readonly needsReload: boolean;
}

/** How long systemctl(1) and journalctl(1) may take, in milliseconds. */
const TIMEOUT = 3_000;
/** How many lines of a log are read and shown, and how long each may be, in characters. */
const LINES_READ = 100;
const LOG_LINES = 3;
const LONGEST_LINE = 300;
/** Values of `si_code`, see sigaction(2), as systemd gives them for the end of a process. */
const KILLED: readonly string[] = ["2", "3"];

const PROPERTIES = "ActiveState,Result,ExecMainCode,ExecMainStatus,InvocationID,NeedDaemonReload";

/** The state of a unit; undefined of a template, and where systemd does not run or does not answer. */
export function unitState(name: string): UnitState | undefined {
  const isTemplate = name.includes("@.");
  if (isTemplate || statusOf("/run/systemd/system") === undefined) return undefined;
  const text = outputOf(
    "/usr/bin/systemctl",
    "show",
    "--no-pager",
    `--property=${PROPERTIES}`,
    name,
  );
  if (text === undefined) return undefined;
  const values = new Map(
    text.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const active = values.get("ActiveState");
  if (active === undefined) return undefined;
  const signalled = KILLED.includes(values.get("ExecMainCode") ?? "");
  return {
    active,
    result: values.get("Result") ?? "success",
    signal: signalled ? Number(values.get("ExecMainStatus")) : undefined,
    invocation: values.get("InvocationID") ?? "",
    needsReload: values.get("NeedDaemonReload") === "yes",
  };
}

/**
 * The last lines that the processes of a unit logged in its last run, of a template those of its
 * instances; without any, what systemd says of it; none without a journal.
 */
export function lastWordsOf(unit: string, invocation: string): readonly string[] {
  const ofRun = [`_SYSTEMD_INVOCATION_ID=${invocation}`, "+", `INVOCATION_ID=${invocation}`];
  const ofUnit = ["-u", unit.replace("@.", "@*.")];
  if (statusOf("/run/systemd/journal") === undefined) return [];
  const lines = invocation === "" ? journal(ofUnit) : journal(ofRun);
  const own = lines.filter((line) => !/ systemd\[[0-9]+\]: /.test(line));
  return (own.length === 0 ? lines : own).slice(-LOG_LINES).map((line) =>
    line.slice(0, LONGEST_LINE)
  );
}

function journal(matches: readonly string[]): readonly string[] {
  const options = ["-q", "--no-pager", "-b", "-o", "short", "-n", String(LINES_READ)];
  return (outputOf("/usr/bin/journalctl", ...options, ...matches) ?? "").split("\n").filter(
    Boolean,
  );
}

/** What a command prints, as a byte string; undefined where it cannot be run, fails, or takes too long. */
export function outputOf(...command: readonly string[]): string | undefined {
  try {
    const { stdout, exitCode } = Bun.spawnSync([...command], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: TIMEOUT,
      killSignal: "SIGKILL",
    });
    return exitCode === 0 ? stdout.toString("latin1") : undefined;
  } catch {
    return undefined;
  }
}
