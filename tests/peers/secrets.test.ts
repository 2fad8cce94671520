/** Arguments of requests, what the environment holds and the private key stay out of all that is logged. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, open } from "../support/ask.ts";
import { startModes } from "../support/modes.ts";
import { peersMissing } from "../support/peers.ts";
import { makePki } from "../support/pki.ts";
import { makeRoom, type Room } from "../support/room.ts";

const missing = peersMissing("inetd");

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

const ARGUMENT = "Secret0fClient";
const VARIABLE = "Secret0fEnvironment";

/** Requests that are answered in different ways, each with the argument. */
const REQUESTS = ["ok", "title", "missing", "denied", "unknown"];

describe.skipIf(missing)("secrets", () => {
  test.each(["text", "json"])("are in no line of a log with debug=1, as %s", async (format) => {
    const metrics = join(room.path, "metrics");
    mkdirSync(metrics);
    chmodSync(metrics, 0o777);
    const pki = makePki(room);
    const config = `debug=1
log_format=${format}
log_summary=1
dont_blame_nrpe=1
command_timeout=60
keep_env_vars=TOKEN
ssl_cert_file=${pki.server.cert}
ssl_privatekey_file=${pki.server.key}
ssl_logging=0xff
metrics_file=${metrics}/nrpe.prom
command[ok]=test -n "$ARG1$" && echo fine
command[title]=true $ARG1$; tr '\\0' ' ' < /proc/$PPID/cmdline; cat /proc/$PPID/comm
command[missing]=/nonexistent/program $ARG1$
command[denied]=${room.file("denied", "#!/bin/sh\n")} $ARG1$
`;
    await using modes = await startModes(room, { config, env: { TOKEN: VARIABLE } });
    await Promise.all([...modes.ports].map(async ([mode, port]) => {
      const tls = mode.endsWith("TLS") ? { tls: {} } : {};
      const answers = await Promise.all(
        REQUESTS.map((name) =>
          ask(port, `${name}!${ARGUMENT}`, tls).then(({ text }) => text, String)
        ),
      );
      expect({ mode, ok: answers[0] }).toEqual({ mode, ok: "fine" });
      expect({ mode, title: answers[1] }).not.toMatchObject({
        title: expect.stringContaining(ARGUMENT),
      });
      expect(answers[1]).toContain("nrpe");
      await ask(port, `ok!${ARGUMENT};${ARGUMENT}`, tls).catch(() => {});
      // No packet at all.
      const socket = await open(port);
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.end(ARGUMENT.repeat(100));
      socket.resume();
      await closed;
    }));
    const log = modes.log();
    const [, key] = readFileSync(pki.server.key, "latin1").split("\n");
    const figures = readdirSync(metrics).map((name) => readFileSync(join(metrics, name), "latin1"));
    // The log is of all these conversations.
    const words = ["Summary", "nonexistent", "denied"];
    expect(words.filter((word) => !log.includes(word))).toEqual([]);
    for (const secret of [ARGUMENT, VARIABLE, key!, "PRIVATE KEY"]) {
      const lines = `${log}\n${figures.join("\n")}`.split("\n");
      expect(lines.filter((line) => line.includes(secret))).toEqual([]);
    }
  });
});
