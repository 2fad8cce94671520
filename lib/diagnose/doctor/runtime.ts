/** Stations: what the runtime needs, and the clock. */
import { VERSION } from "../../version.ts";
import { textOf } from "../starters/read_text.ts";
import { type DoctorFinding, hint, ok, problem, warning } from "./finding.ts";
import { type HostProcess, limitOf } from "./processes.ts";
import { statusOf } from "../../system/path_status.ts";

/** The address space that the runtime reserves, in bytes. */
export const ADDRESS_SPACE = 4 * 2 ** 30;
const DAY = 86_400_000;

/**
 * Checks the address space. That this program runs shows what is allowed here: without /proc, for one,
 * it would not. A process of inetd may have other limits.
 *
 * @param starters The processes that start the agent.
 */
export function checkRuntime(starters: readonly HostProcess[]): readonly DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  for (const starter of starters) {
    const limit = limitOf(starter, "Max address space");
    if (limit === undefined || limit >= ADDRESS_SPACE) continue;
    const message =
      `${starter.name} may have ${limit} bytes of address space, and the agent needs 4 GB`;
    findings.push(problem("address-space", message, {
      evidence: `/proc/${starter.pid}/limits`,
      fix: `prlimit --pid ${starter.pid} --as=unlimited`,
    }));
  }
  if (textOf("/proc/sys/vm/overcommit_memory").trim() === "2") {
    const message =
      "the kernel grants no more memory than it has, which may be too little for 4 GB";
    findings.push(hint("overcommit", message, {
      evidence: "/proc/sys/vm/overcommit_memory: 2",
      fix: "sysctl vm.overcommit_memory=0",
    }));
  }
  if (textOf("/sys/fs/selinux/enforce").trim() === "1") {
    const message = "SELinux is enforcing: the agent's domain needs execmem";
    findings.push(hint("selinux", message, { evidence: "/sys/fs/selinux/enforce: 1" }));
  }
  if (findings.length === 0) {
    const seen = `nrpe-one ${VERSION} runs, /proc is there`;
    findings.push(ok("runtime", "the runtime has what it needs", { evidence: seen }));
  }
  return findings;
}

/** Compares the clock with files that cannot be from the future. */
export function checkClock(files: readonly string[], today: Date): readonly DoctorFinding[] {
  for (const path of files) {
    const changed = statusOf(path)?.mtime;
    if (changed === undefined || changed.getTime() <= today.getTime() + DAY) continue;
    const message = "the clock is behind: certificates may not be valid yet";
    return [warning("clock-behind", message, {
      evidence: `it says ${today.toISOString()}, and ${path} is of ${changed.toISOString()}`,
      fix: "timedatectl set-ntp true",
    })];
  }
  return [ok("clock", `the clock says ${today.toISOString()}`, { evidence: "" })];
}
