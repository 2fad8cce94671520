import { existsSync, readFileSync } from "node:fs";
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
  const tracer = await attach(pid, [
    ...["-f", "-qq", "-o", file, "-e", `trace=${Object.keys(errors).join(",")}`],
    ...injections(errors),
  ]);
  return {
    failed: (call) =>
      waitUntil(
        `${call}() has failed`,
        () => new RegExp(`${call}\\(.*\\(INJECTED\\)`).test(readFileSync(file, "latin1")),
      ),
    [Symbol.asyncDispose]: tracer[Symbol.asyncDispose],
  };
}

/** The options of strace that let calls fail; see {@link inject}. */
function injections(errors: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(errors).flatMap(([call, error]) => ["-e", `inject=${call}:error=${error}`]);
}

/**
 * Has strace trace a process until it is disposed of.
 * @param options Of strace.
 */
async function attach(pid: number, options: readonly string[]): Promise<AsyncDisposable> {
  const strace = Bun.spawn([PEERS.strace.path, ...options, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const tracer = () =>
    /^TracerPid:\s*([0-9]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  await waitUntil("strace has attached itself", async () => {
    if (strace.exitCode !== null) throw new Error(await strace.stderr.text());
    return tracer()?.[1] === String(strace.pid);
  });
  return {
    async [Symbol.asyncDispose]() {
      strace.kill();
      await strace.exited;
    },
  };
}

/** One call that fails once. */
export interface Fault {
  /** Its name, as strace has it. */
  readonly call: string;
  readonly error: string;
  /** Which of the calls of that name it is, from 1 on, in the process that is traced. */
  readonly when: number;
  /** Whether it fails in the processes that the traced one starts, each of which counts by itself. */
  readonly inChildren?: boolean;
  /** The file that the call must be about; calls about others are not counted. */
  readonly path?: string;
}

/** The options of strace for one fault, or none: the calls are listed in a file. */
function optionsFor(file: string, calls: readonly string[], fault: Fault | undefined): string[] {
  const { call, error, when, inChildren = false, path } = fault ?? {};
  return [
    ...(inChildren ? ["-f"] : []),
    ...(path === undefined ? [] : ["-P", path]),
    // Not every architecture has every call.
    ...["-q", "-o", file, "-e", `trace=${calls.map((call) => `?${call}`).join(",")}`],
    ...(call === undefined ? [] : injections({ [call]: `${error}:when=${when}` })),
  ];
}

/**
 * Traces a running process until it is disposed of, with a call that fails once, if one is given.
 * Calls are counted from now on.
 *
 * @param file Where the calls are written, see {@link readTrace}.
 * @param calls The calls to list.
 */
export function traceRunning(
  pid: number,
  file: string,
  calls: readonly string[],
  fault?: Fault,
): Promise<AsyncDisposable> {
  return attach(pid, optionsFor(file, calls, fault));
}

/** A program that becomes the agent, under strace if it has been armed. */
export interface Starter {
  readonly program: string;
  /**
   * Has the next agent that is started traced, with a call that fails once, if one is given. Calls are
   * counted from the start of the agent.
   * @returns The file with the calls, see {@link readTrace}.
   */
  arm(calls: readonly string[], fault?: Fault): string;
}

/**
 * Makes a starter. Its agent stays the child of the process that starts it.
 * @param directory One that the agent's user may write to.
 */
export function tracingStarter(room: Room, directory: string, name: string): Starter {
  const armed = join(directory, `${name}.armed`);
  let count = 0;
  const program = room.file(
    `${name}.starter`,
    `#!/bin/sh\n` +
      `if mv ${armed} ${armed}.$$ 2>/dev/null; then\n` +
      `  read -r options < ${armed}.$$\n  rm ${armed}.$$\n` +
      `  exec ${PEERS.strace.path} -D $options ${room.binary} "$@"\nfi\n` +
      `exec ${room.binary} "$@"\n`,
    0o755,
  );
  return {
    program,
    arm(calls, fault) {
      const file = join(directory, `${name}.${++count}`);
      const draft = room.file(`${name}.draft`, `${optionsFor(file, calls, fault).join(" ")}\n`);
      Bun.spawnSync(["mv", draft, armed]);
      return file;
    },
  };
}

/** What strace has written. */
export interface Trace {
  /** The lines about calls, in their order, each as `call(arguments) = result`. */
  readonly lines: readonly string[];
  /** The call that has been made to fail. */
  readonly injected: { readonly line: string; readonly at: number } | undefined;
  /** How the process has ended, `exited with 0` for instance; undefined where it runs. */
  readonly end: string | undefined;
}

/** Reads what strace has written up to now. */
export function readTrace(file: string): Trace {
  const text = existsSync(file) ? readFileSync(file, "latin1") : "";
  // With -f a line begins with the process id.
  const all = text.split("\n").map((line) => line.replace(/^[0-9]+ +/, ""));
  const lines = all.filter((line) => /^[a-z0-9_]+\(/.test(line));
  const at = lines.findIndex((line) => line.includes("(INJECTED)"));
  const ends = all.flatMap((line) => /^\+\+\+ (.*) \+\+\+$/.exec(line)?.[1] ?? []);
  return { lines, injected: at < 0 ? undefined : { line: lines[at]!, at }, end: ends.at(-1) };
}

/** The name of the call of a line. */
export function callOf(line: string): string {
  return line.slice(0, line.indexOf("("));
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
