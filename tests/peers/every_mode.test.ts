/** The same requests in every mode, plain and over TLS: the answers are those of plain nowait. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { PacketVersion, Response } from "../../lib/protocol/packet.ts";
import { ask, type Asking } from "../support/ask.ts";
import { type Modes, startModes } from "../support/modes.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { AMPLE, COMMANDS, DIFFERENT, ENDLESS } from "./requests.ts";

const missing = peersMissing("agent", "plugins", "inetd");

const VERSIONS: readonly PacketVersion[] = [2, 3, 4];

/** What depends on the process that answers, or on the clock, or tells modes apart on purpose. */
const NOT_COMPARED = ["environment", "variable", "load_help", "working_directory"];

const lines: Record<string, string> = { ...COMMANDS };
for (const [name, { line }] of Object.entries(DIFFERENT)) lines[name] = line;
const names = Object.keys(lines).filter((name) => !NOT_COMPARED.includes(name));

/** A response, or what became of the connection instead. */
function answer(port: number, name: string, asking: Asking): Promise<Response | string> {
  return ask(port, name, asking).catch((error: Error) => error.message);
}

/** Starts agents in every mode, all with the same commands. */
function start(
  room: Room,
  seconds: number,
  commands: Readonly<Record<string, string>>,
): Promise<Modes> {
  const config = `command_timeout=${seconds}\n` +
    Object.entries(commands).map(([name, line]) => `command[${name}]=${line}\n`).join("");
  return startModes(room, { config, env: { LANG: "C.UTF-8", HOME: "/nonexistent" } });
}

describe.skipIf(missing)("every mode", () => {
  let room: Room;
  let modes: Modes;

  beforeAll(async () => {
    room = makeRoom();
    modes = await start(room, AMPLE, lines);
  });

  afterAll(async () => {
    await modes?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  test.each(names)("answers %s alike", (name) => expectSameAnswers(modes, name));

  test.each(
    [
      ["undefined", true],
      ["ok;id", false],
      ["ok!argument", false],
      ["_NRPE_CHECK", true],
      ["x".repeat(900), true],
    ] as const,
  )(
    "treats the request %s alike, and answers it: %p",
    async (request, answered) => {
      const expected = await answer(modes.ports.get("nowait plain")!, request, {});
      expect(typeof expected === "object").toBe(answered);
      for (const [mode, port] of modes.ports) {
        const asking = mode.endsWith("TLS") ? { tls: {} } : {};
        const given = await answer(port, request, asking);
        const kind = (one: Response | string) => typeof one === "string" ? "no response" : one;
        expect({ mode, given: kind(given) }).toEqual({ mode, given: kind(expected) });
      }
    },
  );
});

describe.skipIf(missing)("every mode, with little time for commands,", () => {
  let room: Room;
  let modes: Modes;

  beforeAll(async () => {
    room = makeRoom();
    modes = await start(room, 1, ENDLESS);
  });

  afterAll(async () => {
    await modes?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  test.each(Object.keys(ENDLESS))("answers %s alike", (name) => expectSameAnswers(modes, name));
});

/** Asks for a command in every mode and version; the answers have to be those of plain nowait. */
async function expectSameAnswers({ ports }: Modes, name: string): Promise<void> {
  await Promise.all(VERSIONS.map(async (version) => {
    const answers = await Promise.all([...ports].map(async ([mode, port]) => {
      const tls = mode.endsWith("TLS") ? { tls: {} } : {};
      return { mode, given: await answer(port, name, { version, ...tls }) };
    }));
    const expected = answers.find(({ mode }) => mode === "nowait plain")!.given;
    expect(expected).toBeObject();
    expect(answers).toEqual(answers.map(({ mode }) => ({ mode, given: expected })));
  }));
}
