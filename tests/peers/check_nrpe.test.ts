/** This file as check_nrpe, beside Debian's: the same calls, the same output, the same exit status. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { linkSync } from "node:fs";
import { join } from "node:path";
import { decodeBytes, encodeBytes } from "../../lib/bytes.ts";
import { encodeResponse } from "../../lib/protocol/encode.ts";
import { checksumOf, putInt16, putInt32 } from "../../lib/protocol/packet.ts";
import type { PacketVersion } from "../../lib/protocol/packet.ts";
import { type CAgent, startCAgent } from "../support/c_agent.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { type Answer, startFakeAgent } from "../support/fake_agent.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makePki, type Pki } from "../support/pki.ts";
import { freePorts } from "../support/ports.ts";
import { makeRoom, type Room } from "../support/room.ts";

const missing = peersMissing("checkNrpe", "agent", "openssl");

const COMMANDS = `command[warn]=printf 'bad | a=1;2;3\\nmore | b=2\\n'; exit 1
command[args]=echo "$ARG1$ $ARG2$"
command[odd]=printf '\\344\\033[1m'; exit 7
command[silent]=true
`;

interface Call {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

let room: Room;
let pki: Pki;
let own: string;
/** Ports by name. */
const ports: Record<string, number> = {};
const started: AsyncDisposable[] = [];

const keep = <Started extends CAgent | Daemon>(name: string, agent: Started) => {
  ports[name] = agent.port;
  started.push(agent);
};

beforeAll(async () => {
  if (missing) return;
  room = makeRoom();
  pki = makePki(room);
  own = join(room.path, "check_nrpe");
  linkSync(room.binary, own);
  const pair = `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n`;
  const strict = `${pair}ssl_cacert_file=${pki.ca.cert}\nssl_client_certs=2\n`;
  const c = (config: string, ...args: string[]) =>
    startCAgent(room, `allowed_hosts=127.0.0.1\n${COMMANDS}${config}`, ...args);
  keep("C", await c("", "-n"));
  keep("C anonymous", await c(""));
  keep("C TLS", await c(pair));
  keep("C strict", await c(strict));
  keep("C refusing", await startCAgent(room, `allowed_hosts=127.0.0.9\n${COMMANDS}`));
  keep("C refusing plain", await startCAgent(room, `allowed_hosts=127.0.0.9\n${COMMANDS}`, "-n"));
  const ours = (config: string, ...args: string[]) =>
    startDaemon(room, { config: `dont_blame_nrpe=1\n${COMMANDS}${config}`, args });
  keep("own", await ours("", "-n"));
  keep("own TLS", await ours(pair));
  keep("own strict", await ours(strict));
  [ports["closed"]] = freePorts(1) as [number];
}, 120_000);

afterAll(async () => {
  for (const one of started) await one[Symbol.asyncDispose]();
  room?.[Symbol.dispose]();
});

async function run(program: string, args: readonly string[]): Promise<Call> {
  const check = Bun.spawn([program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: room.path,
  });
  const [output, errors] = await Promise.all(
    [check.stdout, check.stderr].map(async (stream) =>
      decodeBytes(new Uint8Array(await new Response(stream).arrayBuffer()))
    ),
  );
  return { status: await check.exited, output: output!, errors: errors! };
}

const both = (args: readonly string[]) =>
  Promise.all([run(PEERS.checkNrpe.path, args), run(own, args)]);

/** Where, and the arguments, in which `@` stands for the test's files. */
const CALLS: readonly (readonly [agent: string, args: string])[] = [
  ["C", "-n"],
  ["C", "-n -c warn"],
  ["C", "-n -c odd"],
  ["C", "-n -c silent"],
  ["C", "-n -c nothing"],
  ["C", "-n -2 -c warn"],
  ["C", "-n -3 -c warn"],
  ["C", "-n -c args -a one two"],
  ["C", "-n -4"],
  ["C", "-n -6"],
  ["C", "-n -b 127.0.0.1"],
  ["C", "-n -b 127.0.0.9"],
  ["C", "-n -b 192.0.2.77"],
  ["C", "-n -b no.such.host.invalid"],
  ["C", "-n -t 5:foo"],
  ["C", "-n -P 500 -2"],
  ["C", "-nDc warn"],
  ["C", "-n --command=warn --unknown-timeout"],
  ["C", "-n -f options"],
  ["C", "-f options -c warn"],
  ["C", ""],
  ["C", "-u"],
  ["C anonymous", ""],
  ["C anonymous", "-c warn"],
  ["C anonymous", "-2 -c warn"],
  ["C anonymous", "-3 -c warn"],
  ["C anonymous", "-d 2 -c warn"],
  ["C anonymous", "-c args -a x"],
  ["C anonymous", "-n"],
  ["C anonymous", "-S TLSv1.2"],
  ["C anonymous", "-S TLSv1.3"],
  ["C anonymous", "-L ALL:!ADH"],
  ["C TLS", "-c warn"],
  ["C TLS", "-d 2"],
  ["C TLS", "-A ca.crt"],
  ["C TLS", "-A foreign-ca.crt"],
  ["C TLS", "-S TLSv1.2 -L ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["C TLS", "-L no-such-cipher"],
  ["C strict", "-S TLSv1.2"],
  ["C strict", "-C good.crt -K good.key -A ca.crt"],
  ["C refusing plain", "-n"],
  ["own", "-n"],
  ["own", "-n -c warn"],
  ["own", "-n -3 -c warn"],
  ["own", "-n -c args -a one two"],
  ["own", "-n -c nothing"],
  ["own", ""],
  ["own TLS", "-c warn"],
  ["own TLS", "-2 -c warn"],
  ["own TLS", "-A ca.crt"],
  ["own TLS", "-A foreign-ca.crt"],
  ["own TLS", "-n"],
  ["own strict", "-C good.crt -K good.key"],
  ["own strict", "-S TLSv1.2"],
  ["closed", "-n"],
  ["closed", "-n -u"],
  ["closed", "-n -t 5:ok"],
  ["closed", "-n -E"],
  ["closed", ""],
];

describe.skipIf(missing)("check_nrpe", () => {
  test.each(CALLS)("asks %s with %s as Debian's does", async (agent, text) => {
    room.file("options", "-p 1 --no-ssl\n");
    const args = text.split(" ").filter((word) => word !== "");
    const [theirs, ours] = await both(["-H", "127.0.0.1", "-p", String(ports[agent]), ...args]);
    expect(ours).toEqual(theirs);
  });

  test.each([
    "-H no.such.host.invalid",
    "-H 127.0.0.1 -t abc",
    "-H 127.0.0.1 -t 0",
    "-H ::1 -4",
  ])("takes %s as Debian's does", async (text) => {
    const [theirs, ours] = await both(text.split(" "));
    expect(ours).toEqual(theirs);
  });

  test.each([
    "",
    "-n",
    "-H 127.0.0.1 -2 -3",
    "-H 127.0.0.1 -P 2048",
    "-H 127.0.0.1 -P -1",
    "-H 127.0.0.1 -C file",
    "-H 127.0.0.1 -d 3",
    "-H 127.0.0.1 -S SSLv9",
    "-H 127.0.0.1 -f /nonexistent",
    "-H 127.0.0.1 -p 0",
    "-H 127.0.0.1 --bogus",
    "-H 127.0.0.1 --v",
    "-H 127.0.0.1 -c",
    "-H 127.0.0.1 -x",
    "-V",
    "-h",
    "-l",
  ])("says about %p what is wrong before its own help", async (text) => {
    const [theirs, ours] = await both(text.split(" ").filter((word) => word !== ""));
    const beforeHelp = ({ status, output, errors }: Call) => ({
      status,
      output: output.split("NRPE Plugin for Nagios\nVersion: ")[0],
      errors: errors.replace(/^.*check_nrpe: /, ""),
    });
    expect(beforeHelp(ours)).toEqual(beforeHelp(theirs));
    expect(ours.output).toContain("NRPE Plugin for Nagios\nVersion: ");
  });

  // The agent ends the connection before or after the ClientHello arrives.
  test.each([["", 2], ["-u", 3]])("that is refused, with %p, says so", async (text, status) => {
    const place = ["-H", "127.0.0.1", "-p", String(ports["C refusing"])];
    for (const result of await both([...place, ...text.split(" ").filter(Boolean)])) {
      expect(result).toMatchObject({ status, errors: "" });
      expect(result.output).toMatch(/^CHECK_NRPE: .*Error - Could not (connect to|complete SSL)/);
    }
  });

  const CA = "Error: could not use CA certificate '/nonexistent'.";
  const CERTIFICATE = "Error: could not use certificate file '/nonexistent'.";
  test.each([
    ["-A /nonexistent", CA],
    ["-C /nonexistent -K /nonexistent", CERTIFICATE],
  ])("names the file of %s in its first line", async (text, line) => {
    const results = await both(["-H", "127.0.0.1", "-p", "1", ...text.split(" ")]);
    for (const { status, output } of results) {
      expect([status, output.split("\n")[0]]).toEqual([2, line]);
    }
  });
});

/** A response, with a change that leaves the checksum right. */
function response(
  version: PacketVersion,
  text: string,
  change: (packet: Uint8Array) => void = () => {},
): Uint8Array {
  const packet = encodeResponse({ version, code: 0, text });
  change(packet);
  putInt32(packet, 4, checksumOf(packet, version));
  return packet;
}

const withCode = (version: PacketVersion, code: number) =>
  response(version, "text", (packet) => putInt16(packet, 8, code));

/** Sends bytes and ends the connection; the second connection may get others. */
const bytes = (...answers: readonly (Uint8Array | string)[]): Answer => (socket, connection) => {
  const answer = answers[Math.min(connection, answers.length - 1)]!;
  socket.end(typeof answer === "string" ? encodeBytes(answer) : answer);
};

const fine = response(4, "fine | a=1");

const ANSWERS: Readonly<Record<string, Answer>> = {
  "a good response": bytes(fine),
  "lines": bytes(response(4, "one\ntwo|x=1\n")),
  "no text": bytes(response(4, "")),
  "the longest text": bytes(response(4, "x".repeat(65535))),
  "state 5": bytes(withCode(4, 5)),
  "state 256": bytes(withCode(4, 256)),
  "state -1": bytes(withCode(4, -1)),
  "state -3 in version 2": bytes("", withCode(2, -3)),
  "a wrong checksum": bytes(fine.map((byte, at) => at === 5 ? byte ^ 1 : byte)),
  "a query": bytes(response(4, "fine", (packet) => putInt16(packet, 2, 1))),
  "version 3": bytes(response(3, "three")),
  "version 2": bytes(response(2, "two")),
  "version 5": bytes(response(4, "fine").map((byte, at) => at === 1 ? 5 : byte)),
  "the end": bytes(""),
  "a reset": (socket) => void socket.resetAndDestroy(),
  "the end, then version 2": bytes("", response(2, "second")),
  "1 byte": bytes(fine.subarray(0, 1)),
  "4 bytes": bytes(fine.subarray(0, 4)),
  "10 bytes": bytes(fine.subarray(0, 10)),
  "15 bytes": bytes(fine.subarray(0, 15)),
  "16 bytes": bytes(fine.subarray(0, 16)),
  "20 bytes": bytes(fine.subarray(0, 20)),
  "half of version 2": bytes(response(2, "two").subarray(0, 500)),
  "a banner": bytes("SSH-2.0-OpenSSH_9.2\r\n"),
  "zeros": bytes(new Uint8Array(2000)),
  "a buffer of 0": bytes(fine.map((byte, at) => at >= 12 && at < 16 ? 0 : byte)),
  "a buffer of 2 GB": bytes(fine.map((byte, at) => at >= 12 && at < 16 ? 0x7f : byte)),
  "bytes after the packet": bytes(Buffer.concat([fine, new Uint8Array(100)])),
  "nothing": () => {},
  "half a response": (socket) => void socket.write(fine.subarray(0, 20)),
};

const VERSIONS: readonly (readonly [string, string])[] = Object.keys(ANSWERS).flatMap((name) =>
  ["a good response", "version 2", "version 3", "the end"].includes(name)
    ? [[name, ""], [name, "-2"], [name, "-3"]] as const
    : [[name, ""]] as const
);

const TLS_ANSWERS: Readonly<Record<string, Answer>> = {
  "the end": bytes(""),
  "a reset": (socket) => void socket.resetAndDestroy(),
  "a banner": bytes("SSH-2.0-OpenSSH_9.2\r\n"),
  "alert 40": bytes(Uint8Array.of(21, 3, 3, 0, 2, 2, 40)),
  "alert 80": bytes(Uint8Array.of(21, 3, 3, 0, 2, 2, 80)),
  "half a record": bytes(Uint8Array.of(22, 3, 3, 0, 100, 2, 0, 0)),
  "nothing": () => {},
};

describe.skipIf(missing)("check_nrpe, when a server sends", () => {
  const compare = async (answer: Answer, args: readonly string[]) => {
    const results: Call[] = [];
    for (const program of [PEERS.checkNrpe.path, own]) {
      await using agent = await startFakeAgent(answer);
      const place = ["-H", "127.0.0.1", "-p", String(agent.port)];
      results.push(await run(program, [...place, ...args]));
    }
    expect(results[1]).toEqual(results[0]!);
  };

  test.each(VERSIONS)("%s, does with %s as Debian's does", async (name, version) => {
    const patience = /nothing|half a response/.test(name) ? "1:unknown" : "60";
    const args = ["-n", "-t", patience, version].filter((word) => word !== "");
    await compare(ANSWERS[name]!, args);
  });

  test.each(Object.keys(TLS_ANSWERS))("%s, does over TLS as Debian's does", async (name) => {
    await compare(TLS_ANSWERS[name]!, ["-t", name === "nothing" ? "1" : "60"]);
  });

  test("bytes for ever, ends", async () => {
    const flood: Answer = (socket) => {
      const more = (error?: Error | null) => {
        if (error || socket.destroyed) return;
        socket.write(new Uint8Array(65536), (failed) => setImmediate(more, failed));
      };
      more();
    };
    await using agent = await startFakeAgent(flood);
    const place = ["-H", "127.0.0.1", "-p", String(agent.port)];
    expect(await run(own, [...place, "-n"])).toMatchObject({ status: 3 });
    expect(await run(own, place)).toMatchObject({ status: 2 });
  });
});
