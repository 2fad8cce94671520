/** The compiled agent under the three inetds that are in use, asked by the real check_nrpe. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exchange } from "../../demo/client.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { VERSION } from "../../lib/version.ts";
import { checkNrpe } from "../support/check_nrpe.ts";
import { type Inetd, type InetdKind, startInetd } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";

const KINDS: readonly InetdKind[] = ["inetd", "inetutilsInetd", "xinetd"];

const CONFIG = `log_facility=local5
debug=1
command[ok]=/bin/echo fine
command[bad]=echo "it broke"; exit 2
`;

const missing = peersMissing("checkNrpe", "agent", ...KINDS);

describe.skipIf(missing).each(KINDS)("under %s", (kind) => {
  let room: Room;
  let inetd: Inetd;
  let port: number;
  let rootPort: number;
  let brokenPort: number;

  beforeAll(async () => {
    room = makeRoom();
    const argv = (config: string) => ["nrpe", "-n", "-c", config, "--inetd"];
    const config = room.file("nrpe.cfg", CONFIG);
    const broken = room.file("broken.cfg", "command_timeout=soon\n");
    inetd = await startInetd(room, [
      { user: "nagios", program: room.binary, argv: argv(config) },
      { user: "root", program: room.binary, argv: argv(config) },
      { user: "nagios", program: room.binary, argv: argv(broken) },
    ], { kind });
    [port, rootPort, brokenPort] = inetd.ports as [number, number, number];
  });

  afterAll(async () => {
    await inetd?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  test.each([["-2"], ["-3"], []])("check_nrpe %s is answered", async (...version) => {
    expect(await checkNrpe(port, ...version, "-c", "ok")).toEqual({ status: 0, output: "fine\n" });
    expect(await checkNrpe(port, ...version, "-c", "bad"))
      .toEqual({ status: 2, output: "it broke\n" });
    expect(await checkNrpe(port, ...version)).toEqual({ status: 0, output: `NRPE v${VERSION}\n` });
  });

  test("check_nrpe -3 is answered at the first connection", async () => {
    inetd.syslog.take();
    await checkNrpe(port, "-3", "-c", "ok");
    const lines = await inetd.syslog.until(/Return Code: 0, Output: fine/);
    expect(lines.filter(({ text }) => text.includes("is asking for command"))).toHaveLength(1);
    expect(lines.filter(({ text }) => text.includes("check_nrpe"))).toEqual([]);
  });

  test("a conversation is logged in the C agent's words, with the facility of nrpe.cfg", async () => {
    inetd.syslog.take();
    await checkNrpe(port, "-c", "ok");
    const lines = await inetd.syslog.until(/Return Code/);
    const texts = lines.map(({ text }) => text.replace(/^nrpe\[\d+\]: /, ""));
    expect(lines.every(({ facility }) => facility === 21 << 3)).toBe(true);
    expect(lines.map(({ severity }) => severity)).toEqual([7, 7, 6, 7, 7, 7, 7]);
    expect(texts).toEqual([
      "Added command[ok]=/bin/echo fine",
      'Added command[bad]=echo "it broke"; exit 2',
      "connect from 127.0.0.1 (127.0.0.1)",
      "Host 127.0.0.1 is asking for command 'ok' to be run...",
      "Running command: /bin/echo fine",
      "Command completed with return code 0 and output: fine",
      "Return Code: 0, Output: fine",
    ]);
  });

  test("a bad request is logged as an error, with the client's address", async () => {
    inetd.syslog.take();
    const query = encodeQuery({ version: 4, text: "ok;id" });
    expect(await exchange(query, port)).toHaveLength(0);
    const lines = await inetd.syslog.until(/bailing out/);
    expect(lines.filter(({ severity }) => severity === 3).map(({ text }) => text)).toEqual([
      expect.stringMatching(/^nrpe\[\d+\]: Error: Request contained illegal metachars!$/),
      expect.stringMatching(
        /^nrpe\[\d+\]: Client request from 127.0.0.1 was invalid, bailing out...$/,
      ),
    ]);
  });

  test("root is refused, and the log says so", async () => {
    inetd.syslog.take();
    expect(await exchange(encodeQuery({ version: 4, text: "ok" }), rootPort)).toHaveLength(0);
    const lines = await inetd.syslog.until(/cannot be run as/);
    expect(lines.at(-1)?.text).toMatch(/: Error: NRPE daemon cannot be run as user\/group root!$/);
  });

  test("an error of nrpe.cfg reaches the log, not the client", async () => {
    inetd.syslog.take();
    expect(await exchange(encodeQuery({ version: 4, text: "ok" }), brokenPort)).toHaveLength(0);
    const lines = await inetd.syslog.until(/aborting/);
    expect(lines.map(({ facility, severity, text }) => [facility, severity, text])).toEqual([
      [
        24,
        3,
        expect.stringMatching(/: Invalid command_timeout specified in config file '.*' - Line 1: /),
      ],
      [24, 3, expect.stringMatching(/: Config file '.*' contained errors, aborting\.\.\.$/)],
    ]);
  });
});
