import { describe, expect, test } from "bun:test";
import { runApart } from "../support/runtime.ts";

const lib = (file: string) => Bun.fileURLToPath(import.meta.resolve(`../../lib/system/${file}`));

describe("a signal", () => {
  // The runtime's queue holds 8192 signals.
  test("is heard after 20,000 others that arrived while the agent was busy", async () => {
    const heard = await runApart(
      async (onSignalFile, libcFile) => {
        const { onSignal } = await import(onSignalFile);
        const { bindLibc } = await import(libcFile);
        const { tgkill } = bindLibc({
          tgkill: { args: ["i32", "i32", "i32"], returns: "i32" },
        });
        // The development tool has threads that the compiled agent has not.
        const kill = (signal: number) => tgkill(process.pid, process.pid, signal);
        const heard: string[] = [];
        const io = Promise.withResolvers<void>();
        const child = Promise.withResolvers<void>();
        onSignal("SIGIO", () => {
          heard.push("SIGIO");
          io.resolve();
        });
        onSignal("SIGCHLD", () => {
          heard.push("SIGCHLD");
          child.resolve();
        });
        for (let sent = 0; sent < 20_000; sent++) kill(29);
        kill(17);
        const timeout = setTimeout(() => process.exit(1), 20_000);
        await Promise.all([io.promise, child.promise]);
        clearTimeout(timeout);
        return heard.sort();
      },
      { args: [lib("on_signal.ts"), lib("libc.ts")] },
    );
    expect(heard).toEqual(["SIGCHLD", "SIGIO"]);
  });

  test("is blocked in no program that the agent becomes", async () => {
    const masks = await runApart(
      async (onSignalFile, execFile) => {
        const { onSignal } = await import(onSignalFile);
        const { execWith } = await import(execFile);
        onSignal("SIGHUP", () => {});
        const argv = ["sh", "-c", `sed -n 's/^SigBlk:\\t\\(.*\\)/"\\1"/p' /proc/self/status`];
        execWith({ file: "/bin/sh", argv, environment: ["PATH=/usr/bin:/bin"] }, []);
        return "";
      },
      { args: [lib("on_signal.ts"), lib("exec.ts")] },
    );
    expect(masks).toBe("0000000000000000");
  });
});
