/** The same requests in every mode, plain and over TLS: the answers are those of plain nowait. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { PacketVersion, Response } from "../../lib/protocol/packet.ts";
import { startSocketUnit } from "../support/activator.ts";
import { ask, type Asking } from "../support/ask.ts";
import { startDaemon } from "../support/daemon.ts";
import { startInetd } from "../support/inetd.ts";
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

/** The ports of agents in every mode, by the names of the modes. */
interface Modes extends AsyncDisposable {
  readonly ports: ReadonlyMap<string, number>;
}

/** Starts agents in every mode, all with the same commands. */
async function startModes(
  room: Room,
  seconds: number,
  commands: Readonly<Record<string, string>>,
): Promise<Modes> {
  await using started = new AsyncDisposableStack();
  const ports = new Map<string, number>();
  const text = `command_timeout=${seconds}\nwait_idle_timeout=5\n` +
    Object.entries(commands).map(([name, line]) => `command[${name}]=${line}\n`).join("");
  const config = room.file("nrpe.cfg", text);
  const service = (tls: boolean, wait: boolean) => ({
    user: "nagios",
    program: room.binary,
    argv: ["nrpe", ...tls ? [] : ["-n"], "-c", config, "--inetd"],
    wait,
  });
  const env = { LANG: "C.UTF-8", HOME: "/nonexistent" };
  const inetd = started.use(
    await startInetd(room, [
      service(false, false),
      service(true, false),
      service(false, true),
      service(true, true),
    ], { env }),
  );
  ["nowait plain", "nowait TLS", "wait plain", "wait TLS"].forEach((mode, at) =>
    ports.set(mode, inetd.ports[at]!)
  );
  for (const tls of [false, true]) {
    const kind = tls ? "TLS" : "plain";
    const daemon = await startDaemon(room, {
      config: `keep_env_vars=LANG\n${text}`,
      args: tls ? [] : ["-n"],
      env,
    });
    started.use(daemon);
    ports.set(`daemon ${kind}`, daemon.port);
    const unit = startSocketUnit(room, [...tls ? [] : ["-n"], "-c", config, "--inetd"], {
      accept: true,
    });
    started.use(unit);
    ports.set(`activation ${kind}`, unit.port);
  }
  const running = started.move();
  return { ports, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

describe.skipIf(missing)("every mode", () => {
  let room: Room;
  let modes: Modes;

  beforeAll(async () => {
    room = makeRoom();
    modes = await startModes(room, AMPLE, lines);
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
    modes = await startModes(room, 1, ENDLESS);
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
