import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../lib/config/load_config.ts";
import type { Log } from "../../lib/log.ts";
import { makeClientLog } from "../../lib/serve/client_log.ts";
import type { Generation } from "../../lib/serve/generation.ts";
import { makeMetrics } from "../../lib/serve/metrics.ts";
import { makeServer } from "../../lib/serve/server.ts";
import type { Stream } from "../../lib/system/stream.ts";

/** A connection whose client sends nothing, or of which a member fails. */
function streamWith(members: Partial<Stream>): Stream {
  return {
    client: { address: "192.0.2.1", port: 1 },
    receive: () => Promise.resolve({ kind: "closed" }),
    whenClosed: () => {},
    close: () => {},
    reset: () => {},
    ...members,
  } as Stream;
}

describe("makeServer()", () => {
  test("logs an unexpected exception with its place, and closes that connection alone", async () => {
    const result = loadConfig("nrpe.cfg", {
      read: () => ({ kind: "content", content: "tcp_wrappers=0\n" }),
      list: () => ({ kind: "failure", reason: "none" }),
      identify: (path) => path,
    });
    if (result.kind === "failure") throw new Error("The configuration is bad");
    const generation: Generation = {
      config: result.config,
      tls: undefined,
      logsGranted: false,
      allowList: { allows: () => true, close: () => {} },
      hosts: { allows: () => true, close: () => {} },
    };
    const lines: string[] = [];
    const log: Log = (_, message) => void lines.push(message);
    const server = makeServer({
      current: () => generation,
      refresh: () => undefined,
      log,
      clientLog: makeClientLog(log, () => {}),
      executor: {
        join: ({ end }) => end,
        run: () => Promise.reject(new Error("unused")),
        wake() {},
        stop() {},
        count: () => ({ running: 0, waiting: 0 }),
      },
      metrics: makeMetrics(0),
      environment: () => [],
      files: 100,
      idle: () => {},
    });
    const closed: string[] = [];
    const failing = () => {
      throw new TypeError("no such thing");
    };
    server.take(streamWith({ receive: failing, close: () => void closed.push("failing") }));
    server.take(streamWith({ close: () => void closed.push("silent") }));
    await Bun.sleep(0);
    await Promise.resolve();
    expect(closed.sort()).toEqual(["failing", "silent"]);
    expect(lines.join("\n")).toMatch(
      /Error: unexpected: TypeError: no such thing at .* \(client 192\.0\.2\.1\)/,
    );
  });
});
