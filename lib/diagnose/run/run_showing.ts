import type { PluginEnd } from "../../command/outcome.ts";
import { newRun, startPlugin } from "../../command/plugin.ts";
import type { CommandLine } from "../../command/program.ts";
import { awaitRun } from "../../command/run_blocking.ts";
import { closeFile, isReadable, now, readInto } from "../../system/libc.ts";
import { makePipe } from "../../system/process.ts";

/** How much of standard error is kept, in bytes. The rest is read and discarded. */
const MOST_ERRORS = 65536;

/** A run, with what the agent discards. */
export interface ShownRun {
  readonly end: PluginEnd;
  /** Whether a shell ran the line, also where the program alone could not be executed. */
  readonly shell: boolean;
  /** The first bytes of standard error. */
  readonly stderr: Uint8Array;
  /** How long it took, in milliseconds. */
  readonly time: number;
}

/**
 * Runs a command line as the agent does, but keeps standard error.
 * @param seconds The time-out.
 */
export function runShowing(
  line: CommandLine,
  environment: readonly string[],
  seconds: number,
): ShownRun {
  const { readEnd, writeEnd } = makePipe();
  const kept = new Uint8Array(MOST_ERRORS);
  let length = 0;
  let open = true;
  const chunk = new Uint8Array(8192);
  const read = () => {
    const count = readInto(readEnd, chunk);
    if (count <= 0) open = false;
    else {
      const part = chunk.subarray(0, Math.min(count, MOST_ERRORS - length));
      kept.set(part, length);
      length += part.byteLength;
    }
  };
  const begin = now();
  const start = startPlugin(line, { environment, stderr: writeEnd });
  closeFile(writeEnd);
  let end: PluginEnd | undefined;
  if (start.kind === "failed") end = start.end;
  else {
    const run = newRun(start.started, start.shell, seconds, begin);
    while ((end = awaitRun(run, Infinity, open ? [readEnd] : [])) === undefined) read();
  }
  const time = now() - begin;
  while (open && isReadable(readEnd)) read();
  closeFile(readEnd);
  const shell = start.kind === "started" && start.shell;
  return { end, shell, stderr: kept.subarray(0, length), time };
}
