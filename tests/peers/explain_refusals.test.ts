/** What clients are told about invalid requests, with and without explain_refusals, in every mode. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery, encodeResponse } from "../../lib/protocol/encode.ts";
import type { PacketVersion } from "../../lib/protocol/packet.ts";
import { CHECK_PATIENCE } from "../support/check_nrpe.ts";
import { startDaemon } from "../support/daemon.ts";
import { type Everywhere, MODES, startEverywhere } from "../support/everywhere.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom } from "../support/room.ts";

const missing = peersMissing("checkNrpe", "inetd");

const COMMANDS = "log_summary=1\ncommand[x]=echo $ARG1$$ARG2$\n";

const KINDS = ["plain", "TLS"] as const;

/** What check_nrpe says. */
async function check(port: number, tls: boolean, ...args: string[]) {
  const run = Bun.spawn(
    [
      ...[PEERS.checkNrpe.path, "-H", "127.0.0.1", "-p", String(port), "-t", CHECK_PATIENCE],
      ...tls ? [] : ["-n"],
      ...args,
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const output = await new Response(run.stdout).text();
  return { status: await run.exited, output };
}

/** The bytes that an agent answers some bytes with. */
async function answerTo(port: number, tls: boolean, ...parts: Uint8Array[]): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const place = { port, host: "127.0.0.1" };
  const socket = tls ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place);
  let received = Buffer.alloc(0);
  socket.on(tls ? "secureConnect" : "connect", () => {
    for (const part of parts) socket.write(part);
  });
  socket.on("data", (bytes: Uint8Array) => void (received = Buffer.concat([received, bytes])));
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  socket.on("end", () => socket.end());
  await promise;
  return received;
}

/** A query whose bytes are changed after it is made. */
function spoiled(version: PacketVersion, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = encodeQuery({ version, text: "x" });
  change(bytes);
  return bytes;
}

const BAD_CRC = "Request packet had invalid CRC32.";
const BAD_TYPE = "Request packet type was invalid!";
const BAD_LENGTH = "Received packet with invalid buffer size";

/** What is wrong with a packet, its version, how it is made, and what the client is told. */
type Spoiled = readonly [string, PacketVersion, () => Uint8Array, string];

const PACKETS: readonly Spoiled[] = [
  ...([2, 3, 4] as const).flatMap((version): Spoiled[] => [
    ["a wrong checksum", version, () => spoiled(version, (bytes) => bytes[6]! ^= 1), BAD_CRC],
    [
      "the type of a response",
      version,
      () => encodeResponse({ version, code: 0, text: "x" }),
      BAD_TYPE,
    ],
  ]),
  ...([3, 4] as const).flatMap((version): Spoiled[] => [
    [
      "an empty buffer",
      version,
      () => spoiled(version, (bytes) => bytes.fill(0, 12, 16)),
      BAD_LENGTH,
    ],
    ["a buffer too long", version, () => spoiled(version, (bytes) => bytes[13] = 2), BAD_LENGTH],
    [
      "a buffer of negative length",
      version,
      () => spoiled(version, (bytes) => bytes[12] = 255),
      BAD_LENGTH,
    ],
  ]),
];

describe.skipIf(missing).each(KINDS)("explain_refusals=1, %s,", (kind) => {
  const tls = kind === "TLS";
  const args = tls ? [] : ["-n"];
  let strict: Everywhere;
  let taking: Everywhere;

  beforeAll(async () => {
    strict = await startEverywhere(`explain_refusals=1\n${COMMANDS}`, { args });
    taking = await startEverywhere(`explain_refusals=1\ndont_blame_nrpe=1\n${COMMANDS}`, { args });
  });

  afterAll(async () => {
    await strict?.[Symbol.asyncDispose]();
    await taking?.[Symbol.asyncDispose]();
  });

  const versions: readonly string[][] = [["-2"], ["-3"], []];

  test.each(MODES)("tells check_nrpe why a request of it is refused (%s)", async (mode) => {
    await Promise.all(versions.map(async (version) => {
      const given: readonly unknown[] = await Promise.all([
        check(strict.ports[mode], tls, ...version, "-c", "x;id"),
        check(strict.ports[mode], tls, ...version, "-c", "x", "-a", "1"),
        check(taking.ports[mode], tls, ...version, "-c", "x", "-a", "$(id)"),
        check(taking.ports[mode], tls, ...version, "-c", "x", "-a", "$", "(id)"),
        check(taking.ports[mode], tls, ...version, "-c", "!"),
      ]);
      const told = [
        "Request contained illegal metachars!",
        "Request contained command arguments, but argument option is not enabled!",
        "Request contained a bash command substitution, but they are disallowed!",
        "Request contained a bash command substitution, but they are disallowed!",
        "Request contained no query!",
      ];
      expect(given).toEqual(told.map((one) => ({ status: 3, output: `NRPE: ${one}\n` })));
    }));
    await strict.logged(mode, /Error: Request contained illegal metachars!/);
    await strict.logged(
      mode,
      /result="?invalid query"? version=2 command=- state=UNKNOWN .*bytes=1036/,
    );
  });

  test.each(PACKETS)("answers %s in version %d", async (_, version, bytes, said) => {
    for (const mode of MODES) {
      const response = await answerTo(strict.ports[mode], tls, bytes());
      expect({ mode, ...decodeResponse(response) }).toMatchObject({
        mode,
        kind: "packet",
        packet: { version, code: 3, text: `NRPE: ${said}` },
      });
    }
  });

  test("sends the whole answer to a client that is still sending", async () => {
    const bytes = spoiled(4, (bytes) => bytes[13] = 2);
    for (const mode of MODES) {
      const more = new Uint8Array(300_000);
      const response = await answerTo(strict.ports[mode], tls, bytes, more);
      expect({ mode, ...decodeResponse(response) }).toMatchObject({ mode, kind: "packet" });
    }
  });

  test("answers nothing in a version that is not known, and nothing to half a query", async () => {
    for (const mode of MODES) {
      const port = strict.ports[mode];
      for (const version of [0, 1, 5, 255]) {
        const bytes = spoiled(4, (bytes) => bytes[1] = version);
        expect((await answerTo(port, tls, bytes)).byteLength).toBe(0);
      }
    }
  });
});

describe.skipIf(missing)("without explain_refusals", () => {
  test("invalid requests get no answer", async () => {
    const room = makeRoom();
    try {
      await using daemon = await startDaemon(room, { config: COMMANDS });
      for (const [, , bytes] of PACKETS) {
        expect((await answerTo(daemon.port, false, bytes())).byteLength).toBe(0);
      }
      const { output } = await check(daemon.port, false, "-c", "x;id");
      expect(output).toContain("Receive header underflow");
    } finally {
      room[Symbol.dispose]();
    }
  });

  test("clients that the tables refuse get none with it", async () => {
    const room = makeRoom();
    try {
      const deny = room.file("deny", "nrpe: ALL\n");
      const config = `explain_refusals=1\nhosts_deny_file=${deny}\n${COMMANDS}`;
      await using daemon = await startDaemon(room, { config });
      const bytes = encodeQuery({ version: 4, text: "x;id" });
      expect((await answerTo(daemon.port, false, bytes)).byteLength).toBe(0);
    } finally {
      room[Symbol.dispose]();
    }
  });
});
