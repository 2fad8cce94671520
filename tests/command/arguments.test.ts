/**
 * The requests of argument-cases.jsonl, recorded with a C agent that was built with arguments, asked
 * of the compiled agent.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../../demo/client.ts";
import { byteStringOf } from "../../lib/bytes.ts";
import { VERSION } from "../../lib/version.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { type StandIn, startStandIn } from "../support/stand_in.ts";

interface Recording {
  readonly files: Readonly<Record<string, string>>;
  readonly commands: Readonly<Record<string, string>>;
}

interface Case {
  readonly config: string;
  readonly request: string;
  readonly code: number | null;
  readonly text: string | null;
}

const [recording, ...cases] = readFileSync(join(import.meta.dir, "argument-cases.jsonl"), "utf8")
  .trimEnd().split("\n").map((line) => JSON.parse(line)) as [Recording, ...Case[]];

const requestsByConfig = Map.groupBy(cases, ({ config }) => config);

describe.each([...requestsByConfig])("with %s", (config, requests) => {
  let room: Room;
  let inetd: StandIn;

  beforeAll(async () => {
    room = makeRoom();
    for (const [name, text] of Object.entries(recording.files)) room.file(name, text, 0o755);
    const commands = Object.entries(recording.commands)
      .map(([name, line]) => `command[${name}]=${line.replaceAll("@DIR@", room.path)}\n`);
    const path = room.file(
      "nrpe.cfg",
      Buffer.from(
        `disable_syslog=1\n${config.replaceAll(" ", "\n")}\n${commands.join("")}`,
        "latin1",
      ),
    );
    inetd = await startStandIn(room.binary, ["nrpe", "-n", "-c", path, "--inetd"]);
  });

  afterAll(async () => {
    await inetd?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  test.concurrent.each(requests.map((one) => [one.request, one] as const))(
    "answers %j as recorded",
    async (request, { code, text }) => {
      const answer = await ask({ version: 4, text: byteStringOf(request) }, inetd.port);
      if (text === null) return expect(answer.kind).toBe("closed");
      if (answer.kind === "closed") throw new Error("The connection was closed without an answer");
      const expected = text.replace("NRPE v4.1.3", `NRPE v${VERSION}`);
      expect(answer.response).toEqual({ version: 4, code: code as never, text: expected });
    },
  );
});
