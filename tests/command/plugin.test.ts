import { describe, expect, test } from "bun:test";
import { advance, expire, newRun, type PluginRun } from "../../lib/command/plugin.ts";
import { encodeBytes } from "../../lib/bytes.ts";
import { Errno } from "../../lib/system/libc.ts";

const started = { pid: 11, group: 10, stdout: 3 };
const TERM = 15;
const KILL = 9;

/** Turns a run at some times, and returns what was sent and what came of it. */
function turn(run: PluginRun, times: readonly number[], group: (time: number) => number) {
  const sent: (readonly [time: number, signal: number])[] = [];
  for (const time of times) {
    const end = advance(run, time, (signal) => {
      if (signal !== 0) sent.push([time, signal]);
      return group(time);
    });
    if (end !== undefined) return { sent, time, end };
  }
  return { sent, time: undefined, end: undefined };
}

const newPlugin = (shell = false) => newRun(started, shell, 1, 0);
const every20ms = Array.from({ length: 200 }, (_, at) => at * 20);

describe("advance()", () => {
  test("waits for the output of a plugin that has ended, but not for long", () => {
    const run = newPlugin();
    run.output = encodeBytes("text");
    run.end = { kind: "exited", status: 1 };
    const end = { kind: "exited", status: 1, output: encodeBytes("text") } as const;
    expect(turn(run, [100, 1099, 1100], () => 0)).toEqual({ sent: [], time: 1100, end });
  });

  test("ends at once when the output is closed", () => {
    const run = newPlugin();
    run.outputOpen = false;
    run.end = { kind: "killed", signal: 11 };
    expect(turn(run, [100], () => 0).end).toMatchObject({ kind: "killed", signal: 11 });
  });

  test("waits for a plugin that has closed its output", () => {
    const run = newPlugin();
    run.outputOpen = false;
    expect(turn(run, [0, 500, 999], () => 0).end).toBeUndefined();
  });

  test("sends SIGTERM at the time-out, SIGKILL after a second, and waits no longer than that", () => {
    const { sent, time, end } = turn(newPlugin(), every20ms, () => 0);
    expect(sent).toEqual([[1000, TERM], [2000, KILL]]);
    expect(time).toBe(2200);
    expect(end).toEqual({ kind: "timed out", seconds: 1, left: started });
  });

  test("ends as soon as a terminated group is gone and the plugin reaped", () => {
    const run = newPlugin();
    expect(turn(run, [1000, 1020], () => 0).end).toBeUndefined();
    expect(turn(run, [1040], () => Errno.ESRCH).end).toBeUndefined();
    run.end = { kind: "killed", signal: TERM };
    expect(turn(run, [1060], () => Errno.ESRCH)).toEqual({
      sent: [],
      time: 1060,
      end: { kind: "timed out", seconds: 1 },
    });
  });

  test("leaves a group of another user at the time-out", () => {
    const { sent, time, end } = turn(newPlugin(), every20ms, () => Errno.EPERM);
    expect(sent).toEqual([[1000, TERM]]);
    expect(time).toBe(1000);
    expect(end).toEqual({ kind: "timed out", seconds: 1, left: started });
  });

  test.each([[128, "exited"], [129, "killed"], [137, "killed"], [192, "killed"], [193, "exited"]])(
    "takes a shell's exit status %d for %s",
    (status, kind) => {
      for (const shell of [true, false]) {
        const run = newPlugin(shell);
        run.outputOpen = false;
        run.end = { kind: "exited", status };
        expect(turn(run, [0], () => 0).end?.kind).toBe(shell ? kind as never : "exited");
      }
    },
  );
});

describe("expire()", () => {
  test("lets the time be up at once", () => {
    const run = newPlugin();
    expire(run);
    expect(turn(run, [5], () => 0).sent).toEqual([[5, TERM]]);
  });

  test("changes nothing once the plugin has ended", () => {
    const run = newPlugin();
    run.end = { kind: "exited", status: 0 };
    turn(run, [0], () => 0);
    expire(run);
    expect(turn(run, [10], () => 0)).toEqual({ sent: [], time: undefined, end: undefined });
  });
});
