/** Why a unit of systemd does not serve, by what systemd says and what its processes logged. */
import { type DoctorFinding, lineOf, problem } from "./finding.ts";
import { lastWordsOf, type UnitState, unitState } from "./unit_state.ts";
import type { UnitStarter } from "./units.ts";
import { settingOf, type Unit, type UnitSetting } from "../starters/systemd_units.ts";

/** signal(7): what a process gets for a system call that SystemCallFilter= does not let pass. */
const SIGSYS = 31;

/** Why nothing listens on the port of a unit. */
export function unitNotListening(starter: UnitStarter, port: number): DoctorFinding {
  const failure = unitFailure(starter);
  if (failure !== undefined) return failure;
  const { entry } = starter;
  const state = unitState(entry.name);
  const evidence = `no socket listens on port ${port}`;
  if (state?.active === "inactive") {
    return problem("unit-stopped", `${entry.name} is stopped`, {
      evidence: `systemctl show ${entry.name}: ActiveState=inactive; ${evidence}`,
      fix: `systemctl start ${entry.name}`,
    });
  }
  const reload = state?.needsReload ? "systemctl daemon-reload && " : "";
  return problem("not-listening", `nothing listens on port ${port}`, {
    evidence,
    fix: `${reload}systemctl restart ${entry.name}`,
  });
}

/** What the processes of a unit logged last, as more evidence. */
export function lastWords({ service }: Pick<UnitStarter, "service">): string {
  const words = lastWordsOf(service.name, unitState(service.name)?.invocation ?? "");
  return words.map((line) => `; ${line}`).join("");
}

/** What systemd says of the failure of a service or its socket; undefined where neither has failed. */
export function unitFailure({ service, socket, entry }: UnitStarter): DoctorFinding | undefined {
  const names = [service, socket].flatMap((unit) => unit === undefined ? [] : [unit.name]);
  const failed = names.flatMap((name) => {
    const state = unitState(name);
    return state !== undefined && hasFailed(state) ? [{ name, state }] : [];
  });
  const filter = settingOf(service, "SystemCallFilter");
  const [first] = failed;
  if (first === undefined) return service.name.includes("@.") ? filtered(service) : undefined;
  const { name, state } = first;
  const killed = failed.some(({ state }) => state.signal === SIGSYS);
  const results = failed.map(({ name, state }) => `${name}: Result=${state.result}`);
  const seen = `${results.join(", ")}${lastWords({ service })}`;
  if (killed && filter !== undefined) {
    const message = "the agent needs a system call that the filter forbids, and is killed";
    return problem("unit-system-calls", message, {
      evidence: `${placeOf(filter)}; ${seen}`,
      fix: "SystemCallFilter=",
    });
  }
  const limit = settingOf(service, "MemoryMax");
  if (state.result === "oom-kill" && limit !== undefined) {
    return problem("unit-memory", "the agent and its plugins need more memory than the unit has", {
      evidence: `${placeOf(limit)}; ${seen}`,
      fix: "MemoryMax=infinity",
    });
  }
  const message = `${name} has failed (${state.result})`;
  const others = failed.map(({ name }) => name).join(" ");
  return problem("unit-failed", message, {
    evidence: seen,
    fix: `systemctl reset-failed ${others}; systemctl restart ${entry.name}`,
  });
}

/**
 * Whether a filter may kill the instances of a template. Of one whose failures do not count nothing is
 * left, neither its state nor a line of the journal.
 */
function filtered(service: Unit): DoctorFinding | undefined {
  const filter = settingOf(service, "SystemCallFilter");
  const isKilled = (settingOf(service, "SystemCallErrorNumber")?.value ?? "kill") === "kill";
  if (filter === undefined || !isKilled) return undefined;
  const message =
    "the agent closes the connection without a word, and is perhaps killed by the filter";
  return problem("unit-system-calls", message, {
    evidence: placeOf(filter),
    fix: "SystemCallFilter=",
  });
}

function hasFailed({ active, result }: UnitState): boolean {
  return active === "failed" || result !== "success" && active !== "active";
}

function placeOf({ file, line, name, value }: UnitSetting): string {
  return lineOf(file, line, `${name}=${value}`);
}
