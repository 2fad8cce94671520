import { readFileSync } from "node:fs";
import { join } from "node:path";
import { leaveOut, PEERS, peersMissing } from "./peers.ts";
import type { Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

/** System calls of a process that fail, until it is disposed of. */
export interface Faults extends AsyncDisposable {
  /** Waits until a call has failed. */
  failed(call: string): Promise<void>;
}

/**
 * Lets system calls of a process fail, by strace's fault injection.
 * @param errors Calls, and what strace is to do to them: `ENFILE`, or `ENFILE:when=1` for the first one.
 */
export async function inject(
  room: Room,
  pid: number,
  errors: Readonly<Record<string, string>>,
): Promise<Faults> {
  const file = join(room.path, `strace.${pid}`);
  const injections = Object.entries(errors).flatMap(([call, error]) => [
    "-e",
    `inject=${call}:error=${error}`,
  ]);
  const strace = Bun.spawn(
    [
      ...[PEERS.strace.path, "-f", "-qq", "-o", file, "-p", String(pid)],
      ...["-e", `trace=${Object.keys(errors).join(",")}`, ...injections],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const tracer = () =>
    /^TracerPid:\s*([0-9]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  await waitUntil("strace has attached itself", async () => {
    if (strace.exitCode !== null) throw new Error(await strace.stderr.text());
    return tracer()?.[1] === String(strace.pid);
  });
  return {
    failed: (call) =>
      waitUntil(
        `${call}() has failed`,
        () => new RegExp(`${call}\\(.*\\(INJECTED\\)`).test(readFileSync(file, "latin1")),
      ),
    async [Symbol.asyncDispose]() {
      strace.kill();
      await strace.exited;
    },
  };
}

/** Whether tests that inject faults must be skipped: strace is missing, or may not trace here. */
export function tracingMissing(): boolean {
  if (peersMissing("strace")) return true;
  const traced = Bun.spawnSync([PEERS.strace.path, "-o", "/dev/null", "true"]);
  if (traced.exitCode === 0) return false;
  console.warn(`Skipping tests that need ptrace: ${traced.stderr}`);
  leaveOut("ptrace");
  return true;
}
