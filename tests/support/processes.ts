import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The processes whose command line has such a text; those that are only to be reaped have none. */
export function processesWith(text: string | RegExp): number[] {
  return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).map(Number)
    .filter((pid) => commandLine(pid).search(text) >= 0);
}

/** The processes that a process has started and that are not reaped, see proc(5); none if it has ended. */
export function childrenOf(pid: number): number[] {
  const children = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(children)) return [];
  return readFileSync(children, "latin1").split(" ").filter((child) => child !== "").map(Number);
}

/** Those of them whose command line has such a text. */
export function childrenWith(pid: number, text: string): number[] {
  return childrenOf(pid).filter((child) => commandLine(child).includes(text));
}

/** Whether a process runs; one that is only to be reaped does not. */
export function isRunning(pid: number): boolean {
  return commandLine(pid) !== "";
}

/** A line of /proc/PID/status. */
export function statusOf(pid: number, name: string): string {
  const text = readFileSync(`/proc/${pid}/status`, "latin1");
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trimEnd();
  } catch {
    return "";
  }
}
